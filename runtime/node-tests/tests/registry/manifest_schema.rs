//! The published JSON Schema of the manifest belongs to the node types as they are.

use std::path::Path;

use remotemedia_core::manifest::schema;

#[test]
fn the_published_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.schema.json");
    let schema = schema(harness::drive::registry());
    let text = format!("{}\n", serde_json::to_string_pretty(&schema).expect("a schema is plain JSON"));
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &text).expect("docs/ can be written to");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == text,
        "docs/manifest.schema.json is stale; run `UPDATE_SCHEMA=1 cargo test -p remotemedia-node-tests --test \
         registry` and commit the file"
    );
}
