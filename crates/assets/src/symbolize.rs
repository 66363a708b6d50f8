//! From a place's own ids to symbols.

use serde_json::Value;
use twinlake_model::{IdMap, Place, RemoteId, symbol};

use crate::schema::{By, Embed, Fragment, Reference};

/// The key of the object that stands for JSON inside a string: `{"$text": …}`.
pub(crate) const TEXT: &str = "$text";

/// Replaces the ids that a document holds by symbols, wherever the fragment says that an id stands.
///
/// An id that is paired becomes the asset that it is paired with; any other becomes an identity minted at `place`.
pub fn symbolize(fragment: &Fragment, document: &mut Value, place: &Place, ids: &IdMap) {
    each_reference(fragment, document, &mut |reference, value| {
        if reference.by != By::Id {
            return;
        }
        let Some(remote) = remote_id(value) else { return };
        *value = symbol(&ids.identity(&reference.to.into(), place, &remote));
    });
}

/// A field that holds an id, read.
fn remote_id(value: &Value) -> Option<RemoteId> {
    match value {
        // A reference to a parameter is filled in when the job runs.
        Value::String(text) if !text.is_empty() && !text.contains("{{") => Some(RemoteId::new(text.as_str())),
        Value::Number(number) => Some(RemoteId::new(number.to_string())),
        _ => None,
    }
}

/// The ids that a raw document holds of other assets, each with its kind.
pub(crate) fn ids_in(fragment: &Fragment, raw: &Value) -> Vec<(RemoteId, &'static str)> {
    let mut ids = Vec::new();
    each_reference(fragment, &mut raw.clone(), &mut |reference, value| {
        if reference.by == By::Id {
            ids.extend(remote_id(value).map(|remote| (remote, reference.to)));
        }
    });
    ids
}

/// Brings a document that was made symbolic earlier up to date: an asset that was paired since goes by another name.
pub fn refresh(document: &mut Value, ids: &IdMap) {
    if let Some(asset) = twinlake_model::reference(document) {
        *document = symbol(ids.current(&asset));
        return;
    }
    match document {
        Value::Array(items) => items.iter_mut().for_each(|item| refresh(item, ids)),
        Value::Object(fields) => fields.values_mut().for_each(|field| refresh(field, ids)),
        _ => {}
    }
}

/// The workspace paths that a document refers to, each with the kinds that it may be.
#[must_use]
pub fn paths_in(fragment: &Fragment, document: &Value) -> Vec<(String, &'static str)> {
    let mut paths = Vec::new();
    each_reference(fragment, &mut document.clone(), &mut |reference, value| {
        if reference.by == By::Path
            && let Some(path) = value.as_str().and_then(workspace_path)
        {
            paths.push((path.to_owned(), reference.to));
        }
    });
    paths
}

/// A workspace path without its alias; None for what is no absolute workspace path.
///
/// `/Workspace/Shared/x` and `/Shared/x` are the same object; volumes and DBFS have paths of their own. In a list of
/// Python dependencies a path may stand behind `-r` or `-e`.
#[must_use]
pub fn workspace_path(text: &str) -> Option<&str> {
    let text = ["-r ", "-e "].iter().find_map(|option| text.strip_prefix(option)).map_or(text, str::trim);
    let path = unaliased(text);
    let is_tree = path.starts_with('/') && !path.starts_with("/Volumes/") && !path.starts_with("/dbfs/");
    (is_tree && !path.contains("{{")).then_some(path)
}

/// A path of the tree without its alias.
pub(crate) fn unaliased(path: &str) -> &str {
    path.strip_prefix("/Workspace").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

fn each_reference(fragment: &Fragment, value: &mut Value, visit: &mut dyn FnMut(&Reference, &mut Value)) {
    for reference in fragment.references {
        reference.at.visit_mut(value, |_, field| visit(reference, field));
    }
    for embed in fragment.embeds {
        match embed {
            Embed::At(at, inner) => at.visit_mut(value, |_, part| each_reference(inner, part, visit)),
            Embed::InText(at, inner) => at.visit_mut(value, |_, text| {
                if let Some(part) = text.get_mut(TEXT) {
                    each_reference(inner, part, visit);
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_the_same_path_and_a_volume_is_none() {
        assert_eq!(workspace_path("/Workspace/Shared/x"), Some("/Shared/x"));
        assert_eq!(workspace_path("/Shared/x"), Some("/Shared/x"));
        assert_eq!(workspace_path("/Workspaces/x"), Some("/Workspaces/x"));
        assert_eq!(workspace_path("/Volumes/a/b/c"), None);
        assert_eq!(workspace_path("dbfs:/x"), None);
        assert_eq!(workspace_path("jobs/etl.py"), None);
        assert_eq!(workspace_path("/Shared/{{job.parameters.file}}"), None);
        assert_eq!(workspace_path("-r /Workspace/Shared/requirements.txt"), Some("/Shared/requirements.txt"));
    }
}
