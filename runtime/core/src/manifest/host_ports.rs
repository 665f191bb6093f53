//! The ports of node types that the host runs: names that a host gives at run time, beside those of built-in nodes,
//! which are part of the program.

use once_cell::race::OnceBox;

use super::findings::Finding;
use super::tree::{Path, quoted};
use crate::node::Port;

/// The most inputs or outputs of a node.
const MOST_PORTS: usize = 64;

/// The inputs of a node of the host, from the list of their names at `place`; the first one is meant where a connection
/// names none.
pub(super) fn inputs(names: Vec<String>, place: &Path) -> Result<&'static [Port], (Path, Finding)> {
    ports(names, place, Port::ANY_IN)
}

/// The outputs of a node of the host, in the same way.
pub(super) fn outputs(names: Vec<String>, place: &Path) -> Result<&'static [Port], (Path, Finding)> {
    ports(names, place, Port::ANY_OUT)
}

fn ports(names: Vec<String>, place: &Path, like: Port) -> Result<&'static [Port], (Path, Finding)> {
    if names.is_empty() || names.len() > MOST_PORTS {
        let finding = Finding::mismatch(format!("1 to {MOST_PORTS} names"), names.len().to_string());
        return Err((place.clone(), finding));
    }
    for (index, name) in names.iter().enumerate() {
        let finding = if !is_name(name) {
            Finding::mismatch("a name of 1 to 64 letters, digits, '_' and '-'", quoted(name))
        } else if names[..index].contains(name) {
            Finding::new(format!("the name {} stands there twice", quoted(name)))
        } else {
            continue;
        };
        return Err((place.index(index), finding));
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

    fn of(names: &[&str]) -> Result<&'static [Port], String> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        inputs(names, &Path::root()).map_err(|(path, finding)| format!("{path}: {finding:?}"))
    }

    #[test]
    fn the_same_names_are_the_same_ports() {
        let (first, again) = (of(&["a", "b"]).expect("good"), of(&["a", "b"]).expect("good"));
        assert!(std::ptr::eq(first, again));
        assert_eq!(
            first.iter().map(|port| (port.name, port.is_usual)).collect::<Vec<_>>(),
            [("a", true), ("b", false)]
        );
        let outputs = outputs(vec!["a".to_owned(), "b".to_owned()], &Path::root()).expect("good");
        assert!(!std::ptr::eq(first, outputs));
    }
}
