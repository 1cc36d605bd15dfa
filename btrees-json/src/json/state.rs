//! Records and states of trees as JSON.

use super::path::value_end;
use super::read::Reader;
use crate::error::{fail, Fallible, Reason};
use crate::model::{Node, RefClass, Span, Value};
use crate::pickle::Writer;
use crate::tree::{check_children, check_items, expect_children, Checker};
use crate::{Class, Kind, Prefix};

/// What a text says of a node of a tree, or of a Length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draft {
    Empty,
    Length(Node),
    /// That many items; their pickles are in the body of the reader.
    Items {
        count: usize,
        next: Option<Node>,
    },
    Children {
        children: Span,
        first: Node,
    },
}

/// The parts of a state that is an object.
#[derive(Default)]
struct Fields {
    count: Option<usize>,
    children: Option<Span>,
    first: Option<Node>,
    next: Option<Node>,
}

impl Reader<'_> {
    /// `{"@cls": [module, name], "@s": state}` and nothing behind.
    pub fn record(&mut self) -> Fallible<(Class, Draft)> {
        self.expect(b'{', "a record is an object")?;
        let (mut class, mut draft, mut skipped) = (None, None, None);
        if !self.eat(b'}') {
            loop {
                self.next();
                let at = self.pos as u32;
                let key = self.string()?;
                self.expect(b':', "colon expected")?;
                match (self.doc().bytes(key), class) {
                    (b"@cls", None) => class = Some(self.record_class()?),
                    (b"@s", Some(class)) if draft.is_none() && skipped.is_none() => {
                        draft = Some(self.draft(class)?);
                    }
                    // jsonb has it first, but what it is depends on the class.
                    (b"@s", None) if skipped.is_none() => {
                        skipped = Some(self.pos);
                        self.pos = value_end(self.json, self.pos);
                    }
                    (b"@cls" | b"@s", _) => return fail(at, Reason::Json("key occurs twice")),
                    _ => return fail(at, Reason::State("a record has @cls and @s, and nothing else")),
                }
                if !self.eat(b',') {
                    break;
                }
            }
            self.expect(b'}', "neither a comma nor the end of an object")?;
        }
        self.end()?;
        let Some(class) = class else { return fail(0, Reason::State("a record has @cls")) };
        if let Some(start) = skipped {
            let end = value_end(self.json, start);
            self.pos = start;
            draft = Some(self.draft(class)?);
            if self.pos != end && self.next().is_some_and(|next| next != b',' && next != b'}') {
                return self.fail("neither a comma nor the end of an object");
            }
        }
        match draft {
            Some(draft) => Ok((class, draft)),
            None => fail(0, Reason::State("a record has @s")),
        }
    }

    /// The state of an object of this class, and nothing behind.
    pub fn state(&mut self, class: Class) -> Fallible<Draft> {
        let draft = self.draft(class)?;
        self.end()?;
        Ok(draft)
    }

    fn record_class(&mut self) -> Fallible<Class> {
        const WANT: &str = "@cls is an array of two strings";
        self.next();
        let at = self.pos as u32;
        self.expect(b'[', WANT)?;
        self.next();
        let module = self.string()?;
        self.expect(b',', WANT)?;
        self.next();
        let name = self.string()?;
        self.expect(b']', WANT)?;
        let (module, name) = (self.doc().text(module), self.doc().text(name));
        match Class::parse(module, name) {
            Some(class) => Ok(class),
            None => fail(at, Reason::UnknownClass(format!("{module}.{name}"))),
        }
    }

    fn draft(&mut self, class: Class) -> Fallible<Draft> {
        let next = self.next();
        let at = self.pos as u32;
        match class {
            Class::Length => {
                let node = self.value()?;
                match node.value {
                    Value::Int(_) | Value::Big(_) => Ok(Draft::Length(node)),
                    _ => fail(at, Reason::State("a Length is an integer")),
                }
            }
            Class::Node(prefix, kind) if next == Some(b'{') => self.node(prefix, kind),
            Class::Node(_, kind) => match self.value()?.value {
                Value::None if !kind.is_leaf() => Ok(Draft::Empty),
                Value::None => fail(at, Reason::State("null is an empty tree, but this is a leaf")),
                _ => fail(at, Reason::State("not an object")),
            },
        }
    }

    fn node(&mut self, prefix: &'static Prefix, kind: Kind) -> Fallible<Draft> {
        let at = self.pos as u32;
        let mut fields = Fields::default();
        self.pos += 1;
        if !self.eat(b'}') {
            loop {
                self.field(prefix, kind, &mut fields)?;
                if !self.eat(b',') {
                    break;
                }
            }
            self.expect(b'}', "neither a comma nor the end of an object")?;
        }
        let wrong = |what| fail(at, Reason::State(what));
        let Fields { count, children, first, next } = fields;
        if let Some(next) = next {
            self.structural(next, prefix, kind.leaf())?;
        }
        match (count, children, first) {
            (Some(count), None, None) => {
                if self.strict {
                    check_items(self.doc(), prefix, kind, count, next)?;
                }
                Ok(Draft::Items { count, next })
            }
            (Some(_), ..) => wrong("@children and @first exclude @kv and @ks"),
            (None, Some(children), Some(first)) => self.children(prefix, kind, children, first),
            (None, Some(_), None) => wrong("@first is missing"),
            (None, None, Some(_)) => wrong("@children is missing"),
            (None, None, None) if kind.is_map() => wrong("@kv is missing"),
            (None, None, None) => wrong("@ks is missing"),
        }
    }

    /// A key and its value.
    fn field(&mut self, prefix: &'static Prefix, kind: Kind, fields: &mut Fields) -> Fallible<()> {
        self.next();
        let at = self.pos as u32;
        let key = self.string()?;
        self.expect(b':', "colon expected")?;
        let wrong = match self.doc().bytes(key) {
            b"@kv" | b"@ks" if fields.count.is_some() => "two keys of which only one can be",
            b"@kv" if kind.is_map() => {
                fields.count = Some(self.pairs(prefix)?);
                return Ok(());
            }
            b"@ks" if !kind.is_map() => {
                fields.count = Some(self.keys(prefix)?);
                return Ok(());
            }
            b"@kv" => "@kv is for maps, but this is a set",
            b"@ks" => "@ks is for sets, but this is a map",
            b"@children" if fields.children.is_none() && !kind.is_leaf() => {
                fields.children = Some(self.nodes()?);
                return Ok(());
            }
            b"@first" if fields.first.is_none() && !kind.is_leaf() => {
                fields.first = Some(self.value()?);
                return Ok(());
            }
            b"@next" if fields.next.is_none() && kind.is_leaf() => {
                fields.next = Some(self.value()?);
                return Ok(());
            }
            b"@children" | b"@first" if kind.is_leaf() => {
                "@children and @first are for trees, but this is a leaf"
            }
            b"@next" if !kind.is_leaf() => "@next is for leaves, but this is a tree",
            b"@children" | b"@first" | b"@next" => "key occurs twice",
            _ => "unknown key",
        };
        fail(at, Reason::State(wrong))
    }

    /// Appends the pickles of `[[key, value], ...]` to the body; returns how many there are.
    fn pairs(&mut self, prefix: &'static Prefix) -> Fallible<usize> {
        const WANT: &str = "not an array of a key and a value";
        self.expect(b'[', "not an array of pairs")?;
        if self.eat(b']') {
            return Ok(0);
        }
        let mut checker = Checker::new(prefix, self.json);
        let (mut count, mut detour) = (0, 0);
        loop {
            if self.lane_ends(&mut checker, true, &mut count, &mut detour) {
                return Ok(count);
            }
            self.expect(b'[', WANT)?;
            let key = self.value()?;
            self.key(&mut checker, key)?;
            self.expect(b',', WANT)?;
            let value = self.value()?;
            if self.strict {
                checker.value(self.doc(), value)?;
            }
            self.write(value)?;
            self.expect(b']', WANT)?;
            count += 2;
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b']', "neither a comma nor the end of an array")?;
        Ok(count)
    }

    /// Appends the pickles of `[key, ...]` to the body; returns how many there are.
    fn keys(&mut self, prefix: &'static Prefix) -> Fallible<usize> {
        self.expect(b'[', "not an array")?;
        if self.eat(b']') {
            return Ok(0);
        }
        let mut checker = Checker::new(prefix, self.json);
        let (mut count, mut detour) = (0, 0);
        loop {
            if self.lane_ends(&mut checker, false, &mut count, &mut detour) {
                return Ok(count);
            }
            let key = self.value()?;
            self.key(&mut checker, key)?;
            count += 1;
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b']', "neither a comma nor the end of an array")?;
        Ok(count)
    }

    /// Takes the fast lane, unless it led nowhere lately; returns whether it went to the end.
    fn lane_ends(&mut self, checker: &mut Checker, pairs: bool, count: &mut usize, detour: &mut u32) -> bool {
        if *detour > 0 {
            *detour -= 1;
            return false;
        }
        let (quick, ended) = self.lane(checker, pairs);
        *count += quick;
        *detour = if quick == 0 { 15 } else { 0 };
        ended
    }

    fn key(&mut self, checker: &mut Checker, key: Node) -> Fallible<()> {
        if self.strict {
            checker.key(self.doc(), key)?;
        }
        self.write(key)
    }

    fn write(&mut self, node: Node) -> Fallible<()> {
        let doc = crate::model::Doc { source: self.json, arena: self.arena };
        Writer::new(doc, self.body).value(node)
    }

    /// `[value, ...]`
    fn nodes(&mut self) -> Fallible<Span> {
        self.expect(b'[', "not an array")?;
        let height = self.stack.len();
        if !self.eat(b']') {
            loop {
                let value = self.value()?;
                self.stack.push(value);
                if !self.eat(b',') {
                    break;
                }
            }
            self.expect(b']', "neither a comma nor the end of an array")?;
        }
        Ok(self.arena.take_items(self.stack, height))
    }

    fn children(
        &mut self,
        prefix: &'static Prefix,
        kind: Kind,
        children: Span,
        first: Node,
    ) -> Fallible<Draft> {
        expect_children(self.doc(), children, first)?;
        // A node whose first child is the first leaf has leaves below, another has trees.
        let nodes = self.arena.slice(children);
        let oid = |node: &Node| match node.value {
            Value::Ref(reference) => self.doc().reference(reference).map(|reference| reference.oid),
            _ => None,
        };
        let below = if nodes.first().and_then(oid) == oid(&first) { kind.leaf() } else { kind };
        self.structural(first, prefix, kind.leaf())?;
        for place in (children.start..children.end()).step_by(2) {
            let node = self.arena.items.get(place as usize).copied();
            node.into_iter().try_for_each(|node| self.structural(node, prefix, below))?;
        }
        if self.strict {
            check_children(self.doc(), prefix, kind, children, first)?;
        }
        Ok(Draft::Children { children, first })
    }

    /// A reference to another node of the tree. Its class need not be given.
    fn structural(&mut self, node: Node, prefix: &'static Prefix, kind: Kind) -> Fallible<()> {
        let Value::Ref(reference) = node.value else {
            return fail(node.at, Reason::State("not a reference"));
        };
        let unknown = self.doc().reference(reference).is_some_and(|found| found.class == RefClass::OidOnly);
        if self.strict && unknown {
            let class = self.known_class(Class::Node(prefix, kind));
            if let Some(reference) = self.arena.refs.get_mut(reference as usize) {
                reference.class = RefClass::Class(class);
            }
        }
        Ok(())
    }
}
