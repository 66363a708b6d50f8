//! What must exist before a copy can be written, and what has no counterpart at all. Pure.

use serde_json::Value;
use twinlake_assets::{AssetKind, kinds, symbolize};
use twinlake_model::{AssetId, IdMap, KindName, Place, references_in};

use crate::Inventory;

/// What a document's references come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Assets of the source that must have a copy first.
    pub(crate) assets: Vec<AssetId>,
    /// References that cannot be met, as people read them.
    pub(crate) unmapped: Vec<String>,
}

/// What the references are looked up in.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) source: &'a Inventory,
    pub(crate) target: &'a Place,
    pub(crate) ids: &'a IdMap,
    /// Whether the source's listing looked below this path.
    pub(crate) is_in_scope: &'a dyn Fn(&str) -> bool,
}

/// Finds what `document`, of the asset `of`, refers to.
pub(crate) fn needs(kind: &dyn AssetKind, of: &AssetId, document: &Value, around: Surroundings<'_>) -> Needs {
    let mut needs = Needs::default();
    for asset in references_in(document) {
        if kinds::find(asset.kind.as_str()).is_none() {
            needs.unmapped.push(format!(
                "{} {}: {} are not kept yet",
                asset.kind,
                asset.minted,
                plural(&asset.kind)
            ));
        } else if around.source.items.contains_key(&asset) || asset == *of {
            needs.assets.push(asset);
        } else if around.ids.remote(&asset, around.target).is_none() {
            let why = "it is not in the selection, or does not exist any more";
            needs.unmapped.push(format!("{} {}: {why}", asset.kind, asset.minted));
        }
    }
    for (path, to) in symbolize::paths_in(&kind.schema().fragment, document) {
        match at_path(&path, to, around) {
            AtPath::Asset(asset) => needs.assets.push(asset),
            AtPath::Dangling => {}
            AtPath::NotKept(what) => needs.unmapped.push(format!("{what} {path}: not kept")),
            AtPath::OutOfScope => needs.unmapped.push(format!("{path}: it is not in the selection")),
        }
    }
    needs.assets.extend(parent_folder(kind, of, around));
    needs.assets.sort();
    needs.assets.dedup();
    needs.unmapped.sort();
    needs.unmapped.dedup();
    needs
}

enum AtPath {
    Asset(AssetId),
    /// Nobody is there at the source either: the copy is as broken as the original, no more.
    Dangling,
    NotKept(String),
    OutOfScope,
}

fn at_path(path: &str, to: &str, around: Surroundings<'_>) -> AtPath {
    let place = &around.source.place;
    for kind in to.split('|') {
        let asset = around.ids.identity(&kind.into(), place, &path.into());
        if around.source.items.contains_key(&asset) {
            return AtPath::Asset(asset);
        }
    }
    let aside = around.source.set_aside.iter().find(|outcome| is_at_or_above(outcome.key.as_str(), path));
    match aside {
        Some(outcome) => AtPath::NotKept(outcome.asset.kind.to_string()),
        None if to.split('|').all(|kind| kinds::find(kind).is_none()) => AtPath::NotKept(to.to_owned()),
        None if (around.is_in_scope)(path) => AtPath::Dangling,
        None => AtPath::OutOfScope,
    }
}

fn is_at_or_above(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn parent_folder(kind: &dyn AssetKind, of: &AssetId, around: Surroundings<'_>) -> Option<AssetId> {
    if !kind.schema().is_tree() {
        return None;
    }
    let (parent, _) = of.minted.as_str().rsplit_once('/')?;
    let container = KindName::from(kinds::container()?.schema().name);
    let folder = around.ids.identity(&container, &around.source.place, &parent.into());
    around.source.items.contains_key(&folder).then_some(folder)
}

fn plural(kind: &KindName) -> String {
    let name = kind.as_str().replace('_', " ");
    match name.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{name}s"),
    }
}
