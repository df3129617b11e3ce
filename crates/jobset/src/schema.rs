//! Types with a schema from one description: the name, type and text of each field.

/// Makes a struct that is read, written and described. A field is `name: Type as SchemaType => "jsonName"`; the second type is
/// what the schema says, which has no `Option`.
macro_rules! described {
    ($(
        $(#[doc = $about:literal])*
        $name:ident {$(
            $(#[doc = $text:literal])*
            $field:ident: $type:ty as $shown:ty => $json:literal,
        )*}
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {$(
            $(#[doc = $text])*
            #[serde(rename = $json, skip_serializing_if = "crate::schema::Unset::is_unset")]
            pub $field: $type,
        )*}

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                concat!("io.x-k8s.jobset.v1alpha2.", stringify!($name)).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                $(
                    let mut schema = generator.subschema_for::<$shown>();
                    schema.ensure_object().insert("description".to_owned(), concat!($($text),*).trim().into());
                    properties.insert($json.to_owned(), schema.to_value());
                )*
                schemars::json_schema!({
                    "description": concat!($($about),*).trim(),
                    "type": "object",
                    "properties": properties,
                })
            }
        }
    )*};
}

pub(crate) use described;

/// What is not written, because it says nothing.
pub(crate) trait Unset {
    fn is_unset(&self) -> bool;
}

impl<T> Unset for Option<T> {
    fn is_unset(&self) -> bool {
        self.is_none()
    }
}

impl<T> Unset for Vec<T> {
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// These are always written.
macro_rules! always {
    ($($type:ty),*) => {$(
        impl Unset for $type {
            fn is_unset(&self) -> bool {
                false
            }
        }
    )*};
}

always!(
    i32,
    String,
    k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    k8s_openapi::api::batch::v1::JobTemplateSpec
);
