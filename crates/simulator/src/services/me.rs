//! The caller. API: <https://docs.databricks.com/api/workspace/currentuser/me>
//!
//! The answer's header `X-Databricks-Org-Id` is how clients learn the workspace's id.

use serde_json::json;

use crate::call::{Call, Outcome, Reply};

pub(crate) fn me(call: &mut Call<'_, '_>) -> Outcome {
    let name = &*call.stage.ws.user;
    let display = name.split('@').next().unwrap_or(name);
    Ok(Reply::Json(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:workspace:2.0:User"],
        "id": call.stage.ws.user_id.to_string(),
        "userName": name,
        "displayName": display,
        "active": true,
        "name": {"givenName": display},
        "emails": [{"type": "work", "value": name, "primary": true}],
        "groups": [{"display": "admins", "type": "direct", "value": "1", "$ref": "Groups/1"}],
        "entitlements": [{"value": "allow-cluster-create"}, {"value": "databricks-sql-access"}, {"value": "workspace-access"}],
    })))
}
