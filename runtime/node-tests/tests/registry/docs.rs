//! What the docs of nodes hold, whoever reads them: those of every node in the registry.

use remotemedia_core::node::NodeType;

fn fields(node_type: &NodeType) -> impl Iterator<Item = &str> {
    let maps = node_type.outputs.iter().flat_map(|port| port.summary.split('{').skip(1));
    let maps = maps.filter_map(|rest| rest.split_once('}')).map(|(map, _)| map);
    maps.flat_map(|map| map.split(','))
        .map(|field| field.split(':').next().unwrap_or_default().trim().trim_end_matches('?'))
}

#[test]
fn the_docs_begin_with_the_summary_and_go_on() {
    for node_type in harness::drive::registry().iter() {
        let (summary, rest) = node_type.doc.split_once('\n').unwrap_or((&node_type.doc, ""));
        assert_eq!(summary, node_type.summary);
        assert!(summary.len() <= 100 && summary.ends_with('.'), "{}: {summary}", node_type.name);
        let may_be_short = node_type.alias_of.is_some();
        assert!(may_be_short || rest.starts_with('\n') && rest.len() > 40, "{}: {rest}", node_type.name);
        assert_eq!(node_type.describe()["doc"], node_type.doc.as_str());
    }
}

#[test]
fn the_docs_name_the_fields_of_every_map_that_comes_out() {
    for node_type in harness::drive::registry().iter().filter(|node_type| node_type.alias_of.is_none()) {
        for field in fields(node_type) {
            assert!(node_type.doc.contains(field), "{}: nothing about {field}", node_type.name);
        }
    }
}

#[test]
fn the_docs_read_well_without_rustdoc() {
    for node_type in harness::drive::registry().iter() {
        let (name, doc) = (node_type.name, &node_type.doc);
        assert!(!doc.contains("[`") && !doc.contains("]("), "{name} has links that only rustdoc knows");
        // A table is a paragraph of its own, else it is none for Markdown.
        let lines: Vec<&str> = doc.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].starts_with('|') != pair[1].starts_with('|')) {
            assert!(pair.iter().any(|line| line.is_empty()), "{name}: {pair:?}");
        }
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        for pair in lines.windows(2).filter(|pair| pair.iter().all(|line| line.starts_with('|'))) {
            assert_eq!(columns(pair[0]), columns(pair[1]), "{name}: {pair:?}");
        }
    }
}

#[test]
fn every_param_with_a_choice_names_its_default() {
    for node_type in harness::drive::registry().iter() {
        let schema = &node_type.params_schema;
        let required = |name: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
        };
        let properties = schema["properties"].as_object().into_iter().flatten();
        for (name, entry) in properties.filter(|(name, _)| !required(name)) {
            // A choice or a fixed list of values; one that may be left out for null has no default of its own.
            let is_choice = entry.get("$ref").is_some() || entry.get("oneOf").is_some() || entry.get("enum").is_some();
            let is_other_spelling = entry.get("x-spelling-of").is_some();
            assert!(
                !is_choice || is_other_spelling || entry["default"] != serde_json::Value::Null,
                "{}: {name}: {entry}",
                node_type.name
            );
        }
    }
}
