//! Where values are.

use super::{ClassName, Extra, Node, Ref, Span, Value};

/// The end of a chain of segments.
const END: u32 = u32::MAX;

/// A list, a dict or a set: something that may grow after it was made.
#[derive(Clone, Copy, Debug)]
struct Object {
    first: u32,
    last: u32,
    len: u32,
    frozen: bool,
}

/// Neighbouring items of an object, and the number of the segment behind.
#[derive(Clone, Copy, Debug)]
struct Segment {
    start: u32,
    len: u32,
    next: u32,
}

/// The tables that values refer to. Cleared, it keeps its memory for the next record.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// What was unpacked from escapes, base64 and the like.
    pub side: Vec<u8>,
    pub items: Vec<Node>,
    objects: Vec<Object>,
    segments: Vec<Segment>,
    pub classes: Vec<ClassName>,
    pub refs: Vec<Ref>,
    pub extras: Vec<Extra>,
}

impl Arena {
    pub fn clear(&mut self) {
        self.side.clear();
        self.items.clear();
        self.objects.clear();
        self.segments.clear();
        self.classes.clear();
        self.refs.clear();
        self.extras.clear();
    }

    /// Gives back memory beyond what records usually need.
    pub fn shrink(&mut self) {
        const MOST: usize = 1 << 16;
        self.side.shrink_to(MOST);
        self.items.shrink_to(MOST);
        self.objects.shrink_to(MOST);
        self.segments.shrink_to(MOST);
        self.classes.shrink_to(MOST);
        self.refs.shrink_to(MOST);
        self.extras.shrink_to(MOST);
    }

    /// Moves the end of a stack to the items.
    pub fn take_items(&mut self, stack: &mut Vec<Node>, from: usize) -> Span {
        let start = self.items.len() as u32;
        self.items.extend_from_slice(stack.get(from..).unwrap_or_default());
        let len = self.items.len() as u32 - start;
        stack.truncate(from);
        Span { start, len }
    }

    /// A new object that holds these items.
    pub fn new_object(&mut self, items: Span) -> u32 {
        let id = self.objects.len() as u32;
        self.objects.push(Object { first: END, last: END, len: 0, frozen: false });
        self.extend(id, items);
        id
    }

    /// Appends the items, which are the last of all, to an object.
    fn extend(&mut self, id: u32, items: Span) {
        let Some(object) = self.objects.get_mut(id as usize) else { return };
        if items.len == 0 {
            return;
        }
        object.len = object.len.saturating_add(items.len);
        if let Some(last) = self.segments.get_mut(object.last as usize) {
            if last.start + last.len == items.start {
                last.len += items.len;
                return;
            }
        }
        let new = self.segments.len() as u32;
        match self.segments.get_mut(object.last as usize) {
            Some(last) => last.next = new,
            None => object.first = new,
        }
        object.last = new;
        self.segments.push(Segment { start: items.start, len: items.len, next: END });
    }

    /// Appends the end of a stack to an object; false if the object must not change any more.
    pub fn append(&mut self, id: u32, stack: &mut Vec<Node>, from: usize) -> bool {
        if self.objects.get(id as usize).is_none_or(|object| object.frozen) {
            return false;
        }
        let items = self.take_items(stack, from);
        self.extend(id, items);
        true
    }

    /// From now on the object does not change.
    pub fn freeze(&mut self, id: u32) {
        if let Some(object) = self.objects.get_mut(id as usize) {
            object.frozen = true;
        }
    }

    /// The number of items.
    pub fn len(&self, id: u32) -> u32 {
        self.objects.get(id as usize).map_or(0, |object| object.len)
    }

    /// The items as one span, if they lie together.
    pub fn span(&self, id: u32) -> Option<Span> {
        let object = self.objects.get(id as usize)?;
        match self.segments.get(object.first as usize) {
            None => Some(Span::default()),
            Some(only) => (only.next == END).then_some(Span { start: only.start, len: only.len }),
        }
    }

    /// Items that lie together.
    pub fn slice(&self, items: Span) -> &[Node] {
        self.items.get(items.start as usize..items.end() as usize).unwrap_or_default()
    }

    /// Something rare that is referred to by number from now on.
    pub fn extra(&mut self, extra: Extra) -> Value {
        self.extras.push(extra);
        Value::Extra(self.extras.len() as u32 - 1)
    }
}

/// An arena with the input that it refers to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doc<'a> {
    pub source: &'a [u8],
    pub arena: &'a Arena,
}

impl<'a> Doc<'a> {
    /// The bytes of a span: of the input, or behind its end of what was unpacked.
    pub fn bytes(self, span: Span) -> &'a [u8] {
        let (start, len) = (span.start as usize, span.len as usize);
        let unpacked = || {
            let start = start.checked_sub(self.source.len())?;
            self.arena.side.get(start..start + len)
        };
        self.source.get(start..start + len).or_else(unpacked).unwrap_or_default()
    }

    /// The same as text; spans that are used as text were checked to be UTF-8.
    pub fn text(self, span: Span) -> &'a str {
        std::str::from_utf8(self.bytes(span)).unwrap_or_default()
    }

    pub fn items(self, id: u32) -> Items<'a> {
        let next = self.arena.objects.get(id as usize).map_or(END, |object| object.first);
        Items { arena: self.arena, rest: [].iter(), next }
    }

    pub fn tuple(self, items: Span) -> Items<'a> {
        Items { arena: self.arena, rest: self.arena.slice(items).iter(), next: END }
    }

    /// Module and name of a class.
    #[inline]
    pub fn class_name(self, class: u32) -> (&'a [u8], &'a [u8]) {
        let Some(&ClassName { span, module }) = self.arena.classes.get(class as usize) else {
            return (b"", b"");
        };
        let (module, rest) = self.bytes(span).split_at_checked(module as usize).unwrap_or_default();
        (module, rest.get(1..).unwrap_or_default())
    }

    /// The same for messages.
    pub fn class_text(self, class: u32) -> String {
        let (module, name) = self.class_name(class);
        [module, b".", name].map(String::from_utf8_lossy).concat()
    }

    pub fn reference(self, reference: u32) -> Option<Ref> {
        self.arena.refs.get(reference as usize).copied()
    }

    pub fn extra(self, extra: u32) -> Option<Extra> {
        self.arena.extras.get(extra as usize).copied()
    }
}

/// The items of an object or a tuple, in order.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    arena: &'a Arena,
    rest: std::slice::Iter<'a, Node>,
    next: u32,
}

impl Iterator for Items<'_> {
    type Item = Node;

    #[inline(always)]
    fn next(&mut self) -> Option<Node> {
        if let Some(&node) = self.rest.next() {
            return Some(node);
        }
        // No segment is empty.
        let segment = self.arena.segments.get(self.next as usize)?;
        self.next = segment.next;
        self.rest = self.arena.slice(Span { start: segment.start, len: segment.len }).iter();
        self.rest.next().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(at: u32) -> Node {
        Node { at, value: Value::None }
    }

    fn ats(doc: Doc, id: u32) -> Vec<u32> {
        doc.items(id).map(|node| node.at).collect()
    }

    #[test]
    fn objects_that_grow_in_turn_keep_their_order() {
        let mut arena = Arena::default();
        let mut stack = vec![node(0), node(1)];
        let items = arena.take_items(&mut stack, 1);
        let (one, two) = (arena.new_object(items), arena.new_object(Span::default()));
        for at in 2..9 {
            stack.push(node(at));
            assert!(arena.append(if at % 3 == 0 { two } else { one }, &mut stack, 1));
        }
        assert_eq!(stack.len(), 1);
        arena.freeze(two);
        assert!(!arena.append(two, &mut stack, 0));
        let doc = Doc { source: b"", arena: &arena };
        assert_eq!(ats(doc, one), [1, 2, 4, 5, 7, 8]);
        assert_eq!(ats(doc, two), [3, 6]);
        assert_eq!((arena.len(one), arena.len(two)), (6, 2));
        assert_eq!(arena.span(one), None);
        // 1 and 2, 4 and 5 were neighbours.
        assert_eq!(arena.segments.len(), 5);
    }

    #[test]
    fn spans_go_on_behind_the_input() {
        let arena = Arena { side: b"side".to_vec(), ..Arena::default() };
        let doc = Doc { source: b"input", arena: &arena };
        assert_eq!(doc.bytes(Span { start: 1, len: 3 }), b"npu");
        assert_eq!(doc.bytes(Span { start: 6, len: 3 }), b"ide");
        assert_eq!(doc.bytes(Span { start: 4, len: 3 }), b"");
        assert_eq!(doc.bytes(Span { start: 8, len: 3 }), b"");
    }
}
