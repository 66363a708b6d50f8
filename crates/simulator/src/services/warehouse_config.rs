//! What all SQL warehouses of a workspace share, and users' default warehouses.
//! API: <https://docs.databricks.com/api/workspace/warehouses/getworkspacewarehouseconfig>

use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::effects::Deed;
use crate::paging;
use crate::refusal::Refusal;

pub(crate) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let mut config = json!({
        "security_policy": "DATA_ACCESS_CONTROL",
        "data_access_config": [],
        "enable_serverless_compute": true,
        "enabled_warehouse_types": [{"warehouse_type": "PRO", "enabled": true}, {"warehouse_type": "CLASSIC", "enabled": true}],
        "sql_configuration_parameters": {},
    });
    if let (Some(config), Some(own)) = (config.as_object_mut(), call.stage.ws.warehouse_config.as_object()) {
        config.extend(own.clone());
    }
    Ok(Reply::Json(config))
}

pub(crate) fn put(call: &mut Call<'_, '_>) -> Outcome {
    call.stage.ws.warehouse_config = Value::Object(call.document()?);
    call.stage.effect(Deed::Updated, "sql_global_config", "warehouses", "");
    Ok(Reply::empty())
}

/// The user id of an override's name: a number, or `me`.
fn asked(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let id = call.need("default_warehouse_override_id")?;
    Ok(if id == "me" { call.stage.ws.user_id.to_string() } else { id })
}

fn absent(id: &str) -> Refusal {
    Refusal::missing(format!("Default warehouse override {id} does not exist."))
}

fn check(call: &Call<'_, '_>, wanted: &Value) -> Result<(), Refusal> {
    match wanted.get("warehouse_id").and_then(Value::as_str) {
        Some(id) if call.stage.ws.warehouses.get(id).is_none() => {
            Err(Refusal::bad_field("warehouse_id", format!("SQL warehouse {id} does not exist.")))
        }
        _ => Ok(()),
    }
}

fn store(call: &mut Call<'_, '_>, id: &str, mut wanted: Value, deed: Deed) -> Outcome {
    check(call, &wanted)?;
    wanted["name"] = json!(format!("default-warehouse-overrides/{id}"));
    wanted["default_warehouse_override_id"] = json!(id);
    call.stage.ws.warehouse_overrides.insert(id.to_owned(), wanted.clone());
    call.stage.effect(deed, "default_warehouse_override", id, "");
    Ok(Reply::Json(wanted))
}

pub(crate) fn create_override(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    if call.stage.ws.warehouse_overrides.contains_key(&id) {
        return Err(Refusal::exists_409(format!("Default warehouse override {id} already exists.")));
    }
    let wanted = Value::Object(call.document()?);
    store(call, &id, wanted, Deed::Created)
}

pub(crate) fn get_override(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    call.stage.ws.warehouse_overrides.get(&id).cloned().map(Reply::Json).ok_or_else(|| absent(&id))
}

pub(crate) fn list_overrides(call: &mut Call<'_, '_>) -> Outcome {
    let size = call.stage.settings.page_size(
        "warehouse_overrides",
        call.size("page_size")?.filter(|size| *size > 0),
        100,
        1000,
    );
    let all: Vec<&Value> = call.stage.ws.warehouse_overrides.values().collect();
    let empty = call.stage.settings.empty_page_before_last;
    let page =
        paging::page(1..all.len() as u64 + 1, false, call.text("page_token").as_deref(), 0, size, empty)?;
    let shown: Vec<&Value> =
        page.keys.iter().filter_map(|place| all.get(usize::try_from(*place).ok()? - 1)).copied().collect();
    let mut answer = json!({"default_warehouse_overrides": shown});
    if let Some(next) = page.next {
        answer["next_page_token"] = json!(next);
    }
    Ok(Reply::Json(answer))
}

pub(crate) fn update_override(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let Some(old) = call.stage.ws.warehouse_overrides.get(&id).cloned() else {
        if !call.flag("allow_missing") {
            return Err(absent(&id));
        }
        let wanted = Value::Object(call.document()?);
        return store(call, &id, wanted, Deed::Created);
    };
    let sent = call.document()?;
    let mask = call.text("update_mask").unwrap_or_else(|| "*".to_owned());
    let mut wanted = old;
    for field in ["type", "warehouse_id"] {
        if mask == "*" || mask.split(',').any(|masked| masked == field) {
            wanted[field] = sent.get(field).cloned().unwrap_or_default();
        }
    }
    if let Some(wanted) = wanted.as_object_mut() {
        wanted.retain(|_, value| !value.is_null());
    }
    store(call, &id, wanted, Deed::Updated)
}

pub(crate) fn delete_override(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    call.stage.ws.warehouse_overrides.remove(&id).ok_or_else(|| absent(&id))?;
    call.stage.effect(Deed::Deleted, "default_warehouse_override", &id, "");
    Ok(Reply::empty())
}
