//! The ports of node types that the host runs: names that a host gives at run time, beside those of built-in nodes,
//! which are part of the program.

use once_cell::race::OnceBox;
use serde::{Deserialize, Deserializer, de};

use crate::node::Port;
use crate::outside::beginning;

/// The most inputs or outputs of a node.
const MOST_PORTS: usize = 64;

/// The inputs of a node of the host, from the list of their names; the first one is meant where a connection names
/// none.
pub(super) fn inputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static [Port], D::Error> {
    ports(deserializer, "inputs", Port::ANY_IN)
}

/// The outputs of a node of the host, in the same way.
pub(super) fn outputs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static [Port], D::Error> {
    ports(deserializer, "outputs", Port::ANY_OUT)
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D, what: &str, like: Port) -> Result<&'static [Port], D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.is_empty() || names.len() > MOST_PORTS {
        return Err(de::Error::custom(format!("{what}: expected 1 to {MOST_PORTS} names, got {}", names.len())));
    }
    for (index, name) in names.iter().enumerate() {
        if !is_name(name) {
            let rule = "a name of 1 to 64 letters, digits, '_' and '-'";
            return Err(de::Error::custom(format!("{what}[{index}]: expected {rule}, got {:?}", beginning(name))));
        }
        if names[..index].contains(name) {
            return Err(de::Error::custom(format!(
                "{what}[{index}]: the name {:?} stands there twice",
                beginning(name)
            )));
        }
    }
    Ok(kept(names, like))
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// The ports with these names. Each list is kept for the life of the process: a program has few, and graphs refer to
/// them as to those of built-in nodes.
///
/// The lists form a list that only grows at its end, without a lock: a lock that another thread holds while the process
/// forks would be held for ever in the child.
fn kept(names: Vec<String>, like: Port) -> &'static [Port] {
    static FIRST: OnceBox<Kept> = OnceBox::new();
    let mut place = &FIRST;
    loop {
        let kept = place.get_or_init(|| Box::new(Kept::new(&names, like)));
        if kept.names == names && kept.like == like.name {
            return &kept.ports;
        }
        place = &kept.next;
    }
}

struct Kept {
    names: Vec<String>,
    like: &'static str,
    ports: Box<[Port]>,
    next: OnceBox<Kept>,
}

impl Kept {
    fn new(names: &[String], like: Port) -> Self {
        let port = |(index, name): (usize, &String)| Port { name: name.clone().leak(), is_usual: index == 0, ..like };
        let ports = names.iter().enumerate().map(port).collect();
        Self { names: names.to_vec(), like: like.name, ports, next: OnceBox::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<&'static [Port], String> {
        inputs(&mut serde_json::Deserializer::from_str(text)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_same_names_are_the_same_ports() {
        let (first, again) = (of(r#"["a", "b"]"#).expect("good"), of(r#"["a", "b"]"#).expect("good"));
        assert!(std::ptr::eq(first, again));
        assert_eq!(
            first.iter().map(|port| (port.name, port.is_usual)).collect::<Vec<_>>(),
            [("a", true), ("b", false)]
        );
        let outputs = outputs(&mut serde_json::Deserializer::from_str(r#"["a", "b"]"#)).expect("good");
        assert!(!std::ptr::eq(first, outputs));
    }

    #[test]
    fn what_is_wrong_with_names_is_said() {
        for (text, message) in [
            ("[]", "inputs: expected 1 to 64 names, got 0"),
            (r#"["a", "b c"]"#, r#"inputs[1]: expected a name of 1 to 64 letters, digits, '_' and '-', got "b c""#),
            (r#"["a", "a"]"#, r#"inputs[1]: the name "a" stands there twice"#),
        ] {
            assert!(of(text).expect_err("wrong").starts_with(message), "{:?}", of(text));
        }
    }
}
