//! Records and states of trees as JSON.

use super::read::Reader;
use crate::error::{fail, Fallible, Reason};
use crate::model::{Node, RefClass, Span, Value};
use crate::tree::State;
use crate::{Class, Kind};

/// What the text of a state has, before its class is known.
enum Draft {
    /// Not an object, or one that stands for an integer.
    Value(Node),
    Fields(Fields),
}

#[derive(Default)]
struct Fields {
    at: u32,
    pairs: Option<Span>,
    keys: Option<Span>,
    children: Option<Span>,
    first: Option<Node>,
    next: Option<Node>,
}

impl Reader<'_> {
    /// `{"@cls": [module, name], "@s": state}` and nothing behind.
    pub fn record(&mut self) -> Fallible<(Class, State)> {
        self.expect(b'{', "a record is an object")?;
        let (mut class, mut draft) = (None, None);
        if !self.eat(b'}') {
            loop {
                self.skip_space();
                let at = self.pos as u32;
                let key = self.string()?;
                self.expect(b':', "colon expected")?;
                match self.doc().bytes(key) {
                    b"@cls" if class.is_none() => class = Some(self.record_class()?),
                    b"@s" if draft.is_none() => draft = Some(self.draft()?),
                    b"@cls" | b"@s" => return fail(at, Reason::Json("key occurs twice")),
                    _ => return fail(at, Reason::State("a record has @cls and @s, and nothing else")),
                }
                if !self.eat(b',') {
                    break;
                }
            }
            self.expect(b'}', "neither a comma nor the end of an object")?;
        }
        self.end()?;
        match (class, draft) {
            (Some(class), Some(draft)) => Ok((class, self.state_of(class, draft)?)),
            (None, _) => fail(0, Reason::State("a record has @cls")),
            (_, None) => fail(0, Reason::State("a record has @s")),
        }
    }

    /// The state of an object of this class, and nothing behind.
    pub fn state(&mut self, class: Class) -> Fallible<State> {
        let draft = self.draft()?;
        self.end()?;
        self.state_of(class, draft)
    }

    fn record_class(&mut self) -> Fallible<Class> {
        self.skip_space();
        let at = self.pos as u32;
        const WANT: &str = "@cls is an array of two strings";
        self.expect(b'[', WANT)?;
        self.skip_space();
        let module = self.string()?;
        self.expect(b',', WANT)?;
        self.skip_space();
        let name = self.string()?;
        self.expect(b']', WANT)?;
        let (module, name) = (self.doc().text(module), self.doc().text(name));
        match Class::parse(module, name) {
            Some(class) => Ok(class),
            None => fail(at, Reason::UnknownClass(format!("{module}.{name}"))),
        }
    }

    fn draft(&mut self) -> Fallible<Draft> {
        self.skip_space();
        let at = self.pos;
        if !self.eat(b'{') {
            return Ok(Draft::Value(self.value()?));
        }
        let mut fields = Fields { at: at as u32, ..Fields::default() };
        if self.eat(b'}') {
            return Ok(Draft::Fields(fields));
        }
        loop {
            self.skip_space();
            let key_at = self.pos as u32;
            let key = self.string()?;
            self.expect(b':', "colon expected")?;
            let fresh = match self.doc().bytes(key) {
                b"@kv" => fields.pairs.replace(self.pairs()?).is_none(),
                b"@ks" => fields.keys.replace(self.nodes()?).is_none(),
                b"@children" => fields.children.replace(self.nodes()?).is_none(),
                b"@first" => fields.first.replace(self.value()?).is_none(),
                b"@next" => fields.next.replace(self.value()?).is_none(),
                // Of a Length.
                b"@bi" => {
                    self.pos = at;
                    return Ok(Draft::Value(self.value()?));
                }
                _ => return fail(key_at, Reason::State("unknown key")),
            };
            if !fresh {
                return fail(key_at, Reason::Json("key occurs twice"));
            }
            if !self.eat(b',') {
                break;
            }
        }
        self.expect(b'}', "neither a comma nor the end of an object")?;
        Ok(Draft::Fields(fields))
    }

    /// `[[key, value], ...]` as one row of items.
    fn pairs(&mut self) -> Fallible<Span> {
        self.expect(b'[', "not an array of pairs")?;
        let height = self.stack.len();
        if !self.eat(b']') {
            loop {
                const WANT: &str = "not an array of a key and a value";
                self.expect(b'[', WANT)?;
                let key = self.value()?;
                self.stack.push(key);
                self.expect(b',', WANT)?;
                let value = self.value()?;
                self.stack.push(value);
                self.expect(b']', WANT)?;
                if !self.eat(b',') {
                    break;
                }
            }
            self.expect(b']', "neither a comma nor the end of an array")?;
        }
        Ok(self.arena.take_items(self.stack, height))
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

    fn state_of(&mut self, class: Class, draft: Draft) -> Fallible<State> {
        match (class, draft) {
            (Class::Length, Draft::Value(node)) if matches!(node.value, Value::Int(_) | Value::Big(_)) => {
                Ok(State::Length(node))
            }
            (Class::Length, Draft::Value(node)) => fail(node.at, Reason::State("a Length is an integer")),
            (Class::Length, Draft::Fields(fields)) => {
                fail(fields.at, Reason::State("a Length is an integer"))
            }
            (Class::Node(_, kind), Draft::Value(node)) => match node.value {
                Value::None if !kind.is_leaf() => Ok(State::Empty),
                Value::None => fail(node.at, Reason::State("null is an empty tree, but this is a leaf")),
                _ => fail(node.at, Reason::State("not an object")),
            },
            (Class::Node(_, kind), Draft::Fields(fields)) => self.node_state(class, kind, fields),
        }
    }

    fn node_state(&mut self, class: Class, kind: Kind, fields: Fields) -> Fallible<State> {
        let wrong = |what| fail(fields.at, Reason::State(what));
        let Fields { pairs, keys, children, first, next, .. } = fields;
        if pairs.is_some() && !kind.is_map() {
            return wrong("@kv is for maps, but this is a set");
        }
        if keys.is_some() && kind.is_map() {
            return wrong("@ks is for sets, but this is a map");
        }
        if kind.is_leaf() && (children.is_some() || first.is_some()) {
            return wrong("@children and @first are for trees, but this is a leaf");
        }
        if !kind.is_leaf() && next.is_some() {
            return wrong("@next is for leaves, but this is a tree");
        }
        if let Some(next) = next {
            self.structural(next, class, kind.leaf())?;
        }
        match (pairs.or(keys), children, first) {
            (Some(items), None, None) => Ok(State::Items { items, next }),
            (Some(_), ..) => wrong("@children and @first exclude @kv and @ks"),
            (None, Some(children), Some(first)) => self.children(class, kind, children, first),
            (None, Some(_), None) => wrong("@first is missing"),
            (None, None, Some(_)) => wrong("@children is missing"),
            (None, None, None) if kind.is_map() => wrong("@kv is missing"),
            (None, None, None) => wrong("@ks is missing"),
        }
    }

    fn children(&mut self, class: Class, kind: Kind, children: Span, first: Node) -> Fallible<State> {
        State::expect_children(self.doc(), children, first)?;
        // A node whose first child is the first leaf has leaves below, another has trees.
        let nodes = self.arena.slice(children).iter();
        let refs: Vec<Node> = nodes.step_by(2).copied().collect();
        let oid = |node: &Node| match node.value {
            Value::Ref(reference) => self.doc().reference(reference).map(|reference| reference.oid),
            _ => None,
        };
        let below = if refs.first().and_then(oid) == oid(&first) { kind.leaf() } else { kind };
        self.structural(first, class, kind.leaf())?;
        refs.into_iter().try_for_each(|node| self.structural(node, class, below))?;
        Ok(State::Children { children, first })
    }

    /// A reference to another node of the tree. Its class need not be given.
    fn structural(&mut self, node: Node, class: Class, kind: Kind) -> Fallible<()> {
        let Value::Ref(reference) = node.value else {
            return fail(node.at, Reason::State("not a reference"));
        };
        let (Class::Node(prefix, _), true) = (class, self.strict) else { return Ok(()) };
        let unknown = self.doc().reference(reference).is_some_and(|found| found.class == RefClass::OidOnly);
        if unknown {
            let class = self.known_class(Class::Node(prefix, kind));
            if let Some(reference) = self.arena.refs.get_mut(reference as usize) {
                reference.class = RefClass::Class(class);
            }
        }
        Ok(())
    }
}
