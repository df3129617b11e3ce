//! The schemas that a document names: those of its kinds, of their lists, and of all that is in them.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, Patch, Status};
use schemars::generate::SchemaSettings;
use schemars::transform::RemoveRefSiblings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{extensions, merging};
use crate::patch::shape_of;
use crate::resources::Resource;

/// What follows a kind's name in the name of its list.
pub const LIST: &str = "List";
/// The schema of every answer that is no object.
pub const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
/// The schema of patches.
pub const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
/// The schema of what a delete takes.
pub const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// What the name of a schema has before it in a reference.
pub const PREFIX: &str = "#/components/schemas/";

/// Kinds of subresources that are no resources: group, version, kind, schema.
const PARTS: [(&str, &str, &str, &str); 3] = [
    ("authentication.k8s.io", "v1", "TokenRequest", "io.k8s.api.authentication.v1.TokenRequest"),
    ("", "v1", "Binding", "io.k8s.api.core.v1.Binding"),
    ("policy", "v1", "Eviction", "io.k8s.api.policy.v1.Eviction"),
];

/// The schemas of some kinds.
pub fn of(rows: &[&'static Resource]) -> Map<String, Value> {
    let mut generator = SchemaGenerator::new(settings());
    for row in rows {
        let _: schemars::Schema = (row.types.schema)(&mut generator);
    }
    let _: schemars::Schema = generator.subschema_for::<ListMeta>();
    let _: schemars::Schema = generator.subschema_for::<DeleteOptions>();
    let _: schemars::Schema = generator.subschema_for::<Status>();
    let _: schemars::Schema = generator.subschema_for::<Patch>();
    let parts = rows.iter().flat_map(|row| row.subresources).map(|part| part.kind);
    for kind in parts {
        part(&mut generator, kind);
    }
    let mut schemas = generator.take_definitions(true);
    for row in rows {
        let name = (row.types.schema_name)();
        extensions::name_kind(&mut schemas, &name, (row.group, row.version, row.kind));
        merging::describe(&mut schemas, &name, shape_of(row.group, row.kind));
        if row.is_stored() {
            schemas.insert(format!("{name}{LIST}"), list(&name));
            let kind = format!("{}{LIST}", row.kind);
            extensions::name_kind(&mut schemas, &format!("{name}{LIST}"), (row.group, row.version, &kind));
        }
    }
    for (group, version, kind, name) in PARTS {
        extensions::name_kind(&mut schemas, name, (group, version, kind));
    }
    extensions::name_kind(&mut schemas, STATUS, ("", "v1", "Status"));
    extensions::complete(&mut schemas);
    schemas
}

/// The name of the schema of a subresource's own kind.
pub fn name_of(group: &str, version: &str, kind: &str) -> Option<String> {
    let found = PARTS.iter().find(|part| (part.0, part.1, part.2) == (group, version, kind));
    found.map(|part| part.3.to_owned())
}

/// A reference to a schema.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("{PREFIX}{name}")})
}

/// As OpenAPI 3.0 wants them: next to a reference there can be nothing else.
fn settings() -> SchemaSettings {
    SchemaSettings::openapi3().with(|settings| settings.transforms = vec![Box::new(RemoveRefSiblings::default())])
}

fn part(generator: &mut SchemaGenerator, kind: &str) {
    fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
        let _: schemars::Schema = generator.subschema_for::<T>();
    }
    match kind {
        "TokenRequest" => add::<TokenRequest>(generator),
        "Binding" => add::<Binding>(generator),
        "Eviction" => add::<Eviction>(generator),
        _ => (),
    }
}

fn list(name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string", "description": "The version of the list's schema."},
            "kind": {"type": "string", "description": "The list's kind."},
            "metadata": {
                "description": "What version the list is of, and how it goes on.",
                "allOf": [reference("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")],
            },
            "items": {"type": "array", "description": "The objects.", "items": reference(name)},
        },
    })
}
