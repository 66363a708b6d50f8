//! From a call in symbolic space to the request that is sent.
//!
//! This is the last moment: ids are looked up in the id map now, bytes are put in, JSON inside strings is closed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use twinlake_databricks::{Body, Write};
use twinlake_model::{AssetId, Call, CallBody, IdMap, Method, Place, Purpose, reference};

use crate::schema::IdShape;
use crate::symbolize::TEXT;
use crate::{Error, kinds, portrait, secret};

/// The request of a call, for `place`.
///
/// # Errors
/// [`Error::Unresolved`] when something that the call refers to, or the asset itself, has no id there.
pub fn request(
    call: &Call,
    asset: &AssetId,
    place: &Place,
    ids: &IdMap,
    content: Option<&[u8]>,
) -> Result<Write, Error> {
    let unresolved = |asset: &AssetId| Error::Unresolved { asset: asset.clone(), place: place.clone() };
    let path = if call.path.contains("{id}") {
        let remote = ids.remote(asset, place).ok_or_else(|| unresolved(asset))?;
        call.path.replace("{id}", &twinlake_databricks::segment(remote.as_str()))
    } else {
        call.path.clone()
    };
    let mut write = Write::new(method(call.method), path);
    write.repeatable = call.purpose != Purpose::Create;
    match &call.body {
        CallBody::Empty => {}
        CallBody::Json(body) => write.body = Body::Json(settle(body, place, ids)?),
        CallBody::WithContent(body, at) => {
            let mut body = settle(body, place, ids)?;
            body[*at] = Value::from(STANDARD.encode(content.unwrap_or_default()));
            write.body = Body::Json(body);
        }
    }
    Ok(write)
}

const fn method(method: Method) -> http::Method {
    match method {
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// Replaces symbols by ids, leaves out secrets that were not carried, and closes JSON inside strings.
pub(crate) fn settle(value: &Value, place: &Place, ids: &IdMap) -> Result<Value, Error> {
    if let Some(asset) = reference(value) {
        let remote = ids.remote(&asset, place);
        // An asset that was minted at this very place is called here what it was minted as.
        let remote = remote.or_else(|| (asset.origin == *place).then_some(&asset.minted));
        let remote =
            remote.ok_or_else(|| Error::Unresolved { asset: asset.clone(), place: place.clone() })?;
        let shape = kinds::find(asset.kind.as_str()).map_or(IdShape::Text, |kind| kind.schema().id.1);
        return Ok(portrait::id_value(shape, remote));
    }
    match value {
        Value::Array(items) => items.iter().map(|item| settle(item, place, ids)).collect(),
        Value::Object(fields) => {
            if let (1, Some(text)) = (fields.len(), fields.get(TEXT)) {
                return Ok(Value::from(settle(text, place, ids)?.to_string()));
            }
            let carried = fields.iter().filter(|(_, field)| !secret::is_withheld(field));
            carried.map(|(key, field)| Ok((key.clone(), settle(field, place, ids)?))).collect()
        }
        plain => Ok(plain.clone()),
    }
}
