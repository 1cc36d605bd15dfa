//! `import`: items from JSON of BTrees. A list of items is read piece by piece, however long it is.

use super::load::{flush_some, input, rebuild};
use crate::app::App;
use crate::args::Import;
use crate::disk::Tree;
use crate::error::{code, Failure, Result};
use crate::python::Python;
use crate::records::{class, is_map_of_objects, Batch, Converter, Form};
use btrees_json::Class;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{json, Value};
use std::collections::HashSet;
use std::fmt;

/// What has become of the input so far.
struct Sink<'a> {
    app: &'a App,
    tree: &'a mut Tree,
    form: Form,
    overwrite: bool,
    converter: Converter,
    stored: u64,
    skipped: u64,
    /// Records seen, and records that others refer to.
    oids: HashSet<u64>,
    refs: HashSet<u64>,
    records: u64,
    lines: u64,
    /// The key of the line before.
    last: Option<Value>,
    /// The error behind one that serde reports.
    failure: Option<Failure>,
}

impl Sink<'_> {
    /// Keeps an error while serde finds its way out.
    fn fail<E: serde::de::Error>(&mut self, failure: Failure) -> E {
        let text = failure.text.clone();
        self.failure.get_or_insert(failure);
        E::custom(text)
    }

    fn refuse<E: serde::de::Error>(&mut self, text: &str) -> E {
        self.fail(Failure::new(code::DAMAGED, text))
    }

    /// Stores the items of a list that was checked.
    fn store(&mut self, state: &Value) -> Result<()> {
        let (text, _) = self.converter.state(class(true), state)?;
        let Ok(Value::Object(mut state)) = serde_json::from_str(&text) else { return Ok(()) };
        let Some(Value::Array(pairs)) = state.remove("@kv") else { return Ok(()) };
        for pair in pairs {
            let Value::Array(pair) = pair else { continue };
            let Ok([key, value]) = <[Value; 2]>::try_from(pair) else { continue };
            self.item(&key, value)?;
        }
        Ok(())
    }

    fn item(&mut self, key: &Value, value: Value) -> Result<()> {
        let refused = |what: &str| {
            let shown: String = key.to_string().chars().take(60).collect();
            Failure::new(code::DAMAGED, format!("key {shown}: {what}"))
        };
        let key_bytes = self.form.key_bytes(key).ok_or_else(|| refused("neither text nor bytes"))?;
        let Some(value) = self.form.value_bytes(value) else {
            return Err(refused(match self.form {
                Form::Values => "the value is something that JSON has not",
                _ => "the value is neither text nor bytes; --json-values stores JSON",
            }));
        };
        let overwrite = self.overwrite;
        if self.tree.run(|db| db.put(&key_bytes, &value, overwrite))? {
            self.stored += 1;
        } else {
            self.skipped += 1;
        }
        flush_some(self.app, self.tree)
    }
}

pub fn import(app: &mut App, args: &Import) -> Result<()> {
    let options = app.creating(&args.new)?;
    let mut program = match &args.from.zodb {
        Some(storage) => {
            let mut program = Python::new(&args.from)?;
            program.arg("dump").file(storage)?;
            Some(program)
        }
        None => None,
    };
    let (name, input, bar) = match &mut program {
        Some(program) => (program.title(), program.output()?, app.progress("reading", 0, false)),
        None => input(app, args.input.as_ref())?,
    };
    let mut reader = serde_json::Deserializer::from_reader(input);
    let (mut stored, mut skipped) = (0, 0);
    rebuild(app, &args.file, &options, args.replace, &mut |tree| {
        let mut sink = Sink {
            app,
            tree,
            form: if args.json_values { Form::Values } else { Form::Text },
            overwrite: !args.no_overwrite,
            converter: Converter::default(),
            stored: 0,
            skipped: 0,
            oids: HashSet::new(),
            refs: HashSet::new(),
            records: 0,
            lines: 0,
            last: None,
            failure: None,
        };
        // `end` looks whether there is more than space.
        while reader.end().is_err() {
            if let Err(e) = (Document { sink: &mut sink }).deserialize(&mut reader) {
                let place = if e.line() == 0 { String::new() } else { format!("line {}: ", e.line()) };
                match &mut program {
                    // The program has ended early and tells why.
                    Some(program) if e.is_eof() => drop(program.end()?),
                    Some(program) => program.kill(),
                    None => {}
                }
                return Err(match sink.failure.take() {
                    Some(failure) if failure.code == code::DAMAGED && failure.file.is_none() => {
                        Failure::new(code::DAMAGED, format!("{place}{}", failure.text)).at(&name)
                    }
                    Some(failure) => failure,
                    None if e.is_io() => Failure::from(std::io::Error::from(e)).at(&name),
                    None => Failure::new(code::DAMAGED, e).at(&name),
                });
            }
        }
        if let Some(program) = &mut program {
            // Or what it has printed may not be all.
            program.end()?;
        }
        let refuse = |text: String| Err(Failure::new(code::DAMAGED, text).at(&name));
        if sink.records + sink.lines == 0 {
            return refuse("nothing is there".into());
        }
        if let Some(missing) = sink.refs.iter().filter(|oid| !sink.oids.contains(oid)).min() {
            return refuse(format!("the record with oid {missing:016x} is missing"));
        }
        (stored, skipped) = (sink.stored, sink.skipped);
        Ok(())
    })?;
    bar.finish_and_clear();
    if app.common.json {
        app.json_line(&json!({ "stored": stored, "skipped": skipped }))?;
    }
    if skipped > 0 {
        app.remark(&format!("{skipped} items were skipped, as their keys were there"));
        return Err(Failure::no());
    }
    Ok(())
}

/// An object at the top of the input: a record, with the names of `decode` or of the table, or an item.
struct Document<'a, 'b> {
    sink: &'a mut Sink<'b>,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record or an item: an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let sink = self.sink;
        let (mut module, mut name, mut zoid) = (None, None, None);
        let (mut state, mut key, mut value) = (None, None, None);
        while let Some(field) = map.next_key::<String>()? {
            let again = match field.as_str() {
                "@cls" => {
                    let (of, is): (String, String) = map.next_value()?;
                    module.replace(of).is_some() | name.replace(is).is_some()
                }
                "class_mod" => module.replace(map.next_value::<String>()?).is_some(),
                "class_name" => name.replace(map.next_value::<String>()?).is_some(),
                "zoid" => zoid.replace(map.next_value::<u64>()?).is_some(),
                "refs" => {
                    // They are in the state, too.
                    map.next_value::<serde::de::IgnoredAny>()?;
                    false
                }
                "@s" | "state" => {
                    let found = map.next_value_seed(State { sink: &mut *sink })?;
                    state.replace(found).is_some()
                }
                "key" => key.replace(map.next_value::<Value>()?).is_some(),
                "value" => value.replace(map.next_value::<Value>()?).is_some(),
                _ => return Err(sink.refuse(&format!("unknown key: {field}"))),
            };
            if again {
                return Err(sink.refuse(&format!("comes twice: {field}")));
            }
        }
        let record = module.is_some() || name.is_some() || state.is_some() || zoid.is_some();
        if let (Some(key), Some(value), false) = (&key, &value, record) {
            sink.lines += 1;
            // All values of a key, and one of them is all that the file could keep.
            if sink.last.replace(key.clone()).as_ref() == Some(key) && !sink.tree.db.options().duplicates {
                return Err(sink.refuse("the key comes again, but the file has no duplicates"));
            }
            let state = json!({ "@kv": [[key, value]] });
            return sink.store(&state).map_err(|e| sink.fail(e));
        }
        let (Some(module), Some(name), Some(state), None, None) = (module, name, state, key, value) else {
            return Err(sink.refuse("neither a record nor an item"));
        };
        let class = Class::parse(&module, &name).filter(|class| is_map_of_objects(*class));
        let Some(class) = class else {
            return Err(sink.refuse(&format!("{module}.{name} is no OOBTree or OOBucket")));
        };
        sink.records += 1;
        if zoid.is_some_and(|zoid| !sink.oids.insert(zoid)) {
            return Err(sink.refuse("a record with this oid was there before"));
        }
        // What is left of the state, with an item for the list that was there.
        let rest = match state {
            None => Value::Null,
            Some(Rest { fields, items }) => {
                let mut rest = Value::Object(fields);
                if items {
                    rest["@kv"] = json!([["", null]]);
                }
                rest
            }
        };
        let checked = sink.converter.state(class, &rest);
        let (_, refs) = checked.map_err(|e| sink.fail::<A::Error>(e))?;
        sink.refs.extend(refs);
        Ok(())
    }
}

/// What a state has beside its items.
struct Rest {
    fields: serde_json::Map<String, Value>,
    items: bool,
}

/// The state of a record: stores its items as they come.
struct State<'a, 'b> {
    sink: &'a mut Sink<'b>,
}

impl<'de> DeserializeSeed<'de> for State<'_, '_> {
    type Value = Option<Rest>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for State<'_, '_> {
    type Value = Option<Rest>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a state: null or an object")
    }

    fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut rest = Rest { fields: serde_json::Map::new(), items: false };
        while let Some(field) = map.next_key::<String>()? {
            if field == "@kv" && !rest.items {
                let count = map.next_value_seed(Items { sink: &mut *self.sink })?;
                rest.items = count > 0;
                if count == 0 {
                    rest.fields.insert(field, json!([]));
                }
            } else if rest.fields.insert(field.clone(), map.next_value()?).is_some() || field == "@kv" {
                return Err(self.sink.refuse(&format!("comes twice: {field}")));
            }
        }
        Ok(Some(rest))
    }
}

/// A list of items.
struct Items<'a, 'b> {
    sink: &'a mut Sink<'b>,
}

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<u64, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pairs")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<u64, A::Error> {
        let (mut batch, mut count) = (Batch::default(), 0);
        while let Some((key, value)) = list.next_element::<(Value, Value)>()? {
            count += 1;
            let Some(bytes) = self.sink.form.key_bytes(&key) else {
                // The crate has a reason of its own for keys that are not even JSON of BTrees.
                let error = self.sink.store(&json!({ "@kv": [[key, value]] })).err();
                let error = error.unwrap_or_else(|| Failure::new(code::DAMAGED, "neither text nor bytes"));
                return Err(A::Error::custom(self.sink.fail::<A::Error>(error)));
            };
            let size = bytes.len() + value.as_str().map_or(0, str::len);
            let full =
                batch.push(&bytes, json!([key, value]), size).map_err(|e| self.sink.fail::<A::Error>(e))?;
            if full {
                self.sink.store(&batch.take()).map_err(|e| self.sink.fail::<A::Error>(e))?;
            }
        }
        if !batch.pairs.is_empty() {
            self.sink.store(&batch.take()).map_err(|e| self.sink.fail::<A::Error>(e))?;
        }
        Ok(count)
    }
}
