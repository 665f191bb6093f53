//! Knowledge goes down: the source files of a folder may use each other, but never in a circle.
//!
//! A file uses another one if its code outside of tests names something that the other file defines. A re-export alone is
//! no use: it only forwards a name, and whoever uses that name uses the file behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folders, relative to this package, with the path of the module that each of them is.
const FOLDERS: [(&str, &str); 2] = [("src/exec", "crate::exec"), ("../capi/src", "crate")];

#[test]
#[allow(clippy::print_stdout, reason = "with --nocapture it shows what was counted")]
fn no_files_use_each_other_in_a_circle() {
    for (folder, module) in FOLDERS {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let edges = edges(&sources(&root, module));
        let circles = circles(&edges);
        println!("{folder}: {} files, {} uses", edges.len(), edges.values().map(BTreeSet::len).sum::<usize>());
        assert!(!edges.is_empty(), "{folder} has no sources");
        assert!(circles.is_empty(), "circles in {folder}:\n{}", report(&circles, &edges));
    }
}

#[test]
fn a_circle_is_found_through_re_exports_and_groups_but_not_through_tests() {
    let source = |file: &str, module: &str, text: &str| Source::new(file, path_of(module), text);
    let sources = [
        source("mod.rs", "crate::m", "mod a; mod b; mod c; mod d; pub use self::b::B; pub(super) use self::d::D;"),
        source("a.rs", "crate::m::a", "use super::{B, c::{self, C}}; // use super::d::D;"),
        source("b.rs", "crate::m::b", "fn b(text: &str) { crate::m::c::go(\"super::a\") }"),
        source("c.rs", "crate::m::c", "use crate::m::D; #[cfg(test)] mod tests { use super::super::a::A; }"),
        source("d.rs", "crate::m::d", "pub(in crate::m::c) fn d() { super::a::go(); }"),
    ];
    let edges = edges(&sources);
    let used = |file: &str| edges[file].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(
        [used("mod.rs"), used("a.rs"), used("b.rs"), used("c.rs"), used("d.rs")],
        [vec![], vec!["b.rs", "c.rs"], vec!["c.rs"], vec!["d.rs"], vec!["a.rs"]]
    );
    assert_eq!(circles(&edges), [["a.rs", "b.rs", "c.rs", "d.rs"]]);
}

/// One source file, without its comments, texts and tests.
struct Source {
    file: String,
    module: Vec<String>,
    uses: Vec<Use>,
    /// What is left without the `use` declarations.
    code: String,
}

struct Use {
    path: Vec<String>,
    name: String,
    is_re_export: bool,
}

impl Source {
    fn new(file: &str, module: Vec<String>, text: &str) -> Self {
        let text = without_tests(&without_texts(text));
        let (mut uses, mut code, mut rest) = (Vec::new(), String::new(), text.as_str());
        while let Some((before, declaration, after)) = split_use(rest) {
            let is_re_export = ends_with_pub(before);
            expand(declaration, &[], &mut |path, name| uses.push(Use { path, name, is_re_export }));
            code += before;
            rest = after;
        }
        code += rest;
        Self { file: file.to_owned(), module, uses, code }
    }
}

/// For each file, which ones it uses.
fn edges(sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let by_module: BTreeMap<_, _> = sources.iter().map(|source| (&source.module[..], source)).collect();
    let mut edges = BTreeMap::new();
    for source in sources {
        let mut paths: Vec<Vec<String>> = paths_in(&without_visibilities(&source.code));
        for used in &source.uses {
            if !used.is_re_export || has_word(&source.code, &used.name) {
                paths.push(used.path.clone());
            }
        }
        let targets = paths.iter().filter_map(|path| resolve(&absolute(source, path, &by_module)?, &by_module));
        let others = targets.map(|target| target.file.clone()).filter(|file| *file != source.file);
        edges.insert(source.file.clone(), others.collect::<BTreeSet<_>>());
    }
    edges
}

type Modules<'a> = BTreeMap<&'a [String], &'a Source>;

/// The path from the crate on; none if it leads out of it.
fn absolute(source: &Source, path: &[String], modules: &Modules<'_>) -> Option<Vec<String>> {
    let mut from = source.module.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" => return Some(path.to_vec()),
        "self" => rest = &path[1..],
        "super" => {}
        first => {
            let child = [&from[..], &[first.to_owned()]].concat();
            modules.get(&child[..])?;
        }
    }
    while rest.first().is_some_and(|segment| segment == "super") {
        from.pop()?;
        rest = &rest[1..];
    }
    from.extend_from_slice(rest);
    Some(from)
}

/// The file that defines what a path names, behind all re-exports.
fn resolve<'a>(path: &[String], modules: &Modules<'a>) -> Option<&'a Source> {
    let length = (1..=path.len()).rev().find(|&length| modules.contains_key(&path[..length]))?;
    let source = modules[&path[..length]];
    let Some(name) = path.get(length) else { return Some(source) };
    match source.uses.iter().find(|used| used.is_re_export && used.name == *name) {
        Some(used) => resolve(&absolute(source, &used.path, modules)?, modules),
        None => Some(source),
    }
}

/// The sets of files that reach each other.
fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<&str>> {
    let reach = |from: &str| {
        let (mut reached, mut ahead) = (BTreeSet::new(), vec![from]);
        while let Some(file) = ahead.pop() {
            let new = edges[file].iter().map(String::as_str).filter(|next| reached.insert(*next));
            ahead.extend(new.collect::<Vec<_>>());
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|file| (file.as_str(), reach(file))).collect();
    let mut circles: Vec<Vec<&str>> = Vec::new();
    for (file, theirs) in &reached {
        if theirs.contains(file) && !circles.iter().flatten().any(|known| known == file) {
            circles.push(theirs.iter().copied().filter(|other| reached[other].contains(file)).collect());
        }
    }
    circles
}

fn report(circles: &[Vec<&str>], edges: &BTreeMap<String, BTreeSet<String>>) -> String {
    let line = |circle: &Vec<&str>, file: &str| {
        let used: Vec<&str> = edges[file].iter().map(String::as_str).filter(|used| circle.contains(used)).collect();
        format!("  {file} uses {}\n", used.join(", "))
    };
    circles.iter().map(|circle| circle.iter().map(|file| line(circle, file)).collect::<String>() + "\n").collect()
}

fn sources(root: &Path, module: &str) -> Vec<Source> {
    let mut files = Vec::new();
    find_sources(root, &mut files);
    let mut sources = Vec::new();
    for path in files {
        let inner = path.strip_prefix(root).expect("it is below");
        let mut segments = path_of(module);
        segments.extend(inner.with_extension("").iter().map(|part| part.to_str().expect("UTF-8").to_owned()));
        if matches!(segments.last().map(String::as_str), Some("mod" | "lib")) {
            segments.pop();
        }
        let text = std::fs::read_to_string(&path).expect("it can be read");
        sources.push(Source::new(inner.to_str().expect("UTF-8"), segments, &text));
    }
    sources
}

fn find_sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            find_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn path_of(text: &str) -> Vec<String> {
    text.split("::").map(|segment| segment.trim().to_owned()).collect()
}

/// Without comments, and with empty string literals.
fn without_texts(text: &str) -> String {
    let (mut code, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            code += "\"\"";
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if first == '"' {
            code += "\"\"";
            end_of_literal(rest, '"')
        } else if rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'') {
            end_of_literal(rest, '\'')
        } else {
            code.push(first);
            first.len_utf8()
        };
        rest = &rest[end..];
    }
    code
}

fn end_of_literal(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            other if other == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Without modules that are compiled for tests alone.
fn without_tests(code: &str) -> String {
    let (mut kept, mut rest) = (String::new(), code);
    while let Some(start) = rest.find("#[cfg(test)]") {
        kept += &rest[..start];
        rest = &rest[start + "#[cfg(test)]".len()..];
        if !rest.trim_start().starts_with("mod ") {
            continue;
        }
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, character)| {
            depth += i32::from(*character == '{') - i32::from(*character == '}');
            depth == 0 && matches!(character, '}' | ';')
        });
        rest = end.map_or("", |(index, _)| &rest[index + 1..]);
    }
    kept + rest
}

/// The code without `pub(in ...)`, which tells who may use an item: the file itself uses nothing by it.
fn without_visibilities(code: &str) -> String {
    let mut parts = code.split("pub(in ");
    let kept = parts.next().unwrap_or_default().to_owned();
    parts.fold(kept, |kept, part| kept + part.split_once(')').map_or("", |(_, rest)| rest))
}

/// Splits at the first `use` declaration: what is before it, its tree, what is behind it.
fn split_use(code: &str) -> Option<(&str, &str, &str)> {
    let is_start = |&(index, _): &(usize, &str)| !code[..index].ends_with(is_word);
    let (index, _) = code.match_indices("use ").find(is_start)?;
    let end = index + code[index..].find(';')?;
    Some((&code[..index], &code[index + 4..end], &code[end + 1..]))
}

fn ends_with_pub(before: &str) -> bool {
    let before = before.trim_end();
    let word = before.strip_suffix(')').and_then(|open| open.rsplit_once('(')).map_or(before, |(head, _)| head);
    word.trim_end().ends_with("pub")
}

/// Hands over each path of a `use` tree, with the name by which it is known.
fn expand(tree: &str, before: &[String], found: &mut dyn FnMut(Vec<String>, String)) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let prefix = [before, &path_of(head.trim().trim_end_matches("::"))].concat();
        let prefix: Vec<String> = prefix.into_iter().filter(|segment| !segment.is_empty()).collect();
        for part in split_group(group.trim_end().strip_suffix('}').unwrap_or(group)) {
            expand(part, &prefix, found);
        }
        return;
    }
    if tree.is_empty() {
        return;
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias.trim())));
    let mut path = [before, &path_of(path)].concat();
    let is_glob = path.last().is_some_and(|last| last == "*");
    if path.len() > 1 && (is_glob || path.last().is_some_and(|last| last == "self")) {
        path.pop();
    }
    let name = match alias {
        _ if is_glob => "*".to_owned(),
        Some(alias) => alias.to_owned(),
        None => path[path.len() - 1].clone(),
    };
    found(path, name);
}

fn split_group(group: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    parts
}

/// The paths that code names in full.
fn paths_in(code: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for part in code.split(|character: char| !is_word(character) && character != ':') {
        let path = part.trim_matches(':');
        if path.contains("::") {
            paths.push(path_of(path));
        }
    }
    paths
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|character: char| !is_word(character)).any(|other| other == word)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
