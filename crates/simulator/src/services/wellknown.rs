//! What a host says about itself to clients that have not signed in yet.

use serde_json::json;

use crate::call::{Call, Outcome, Reply};

/// `/.well-known/databricks-config`
pub(crate) fn config(call: &mut Call<'_, '_>) -> Outcome {
    Ok(Reply::Json(json!({
        "oidc_endpoint": format!("http://{}/oidc", call.request.host),
        "account_id": crate::account::ACCOUNT_ID,
        "workspace_id": call.stage.ws.id.to_string(),
        "cloud": call.stage.ws.cloud.name().to_uppercase(),
    })))
}

/// `/oidc/.well-known/oauth-authorization-server`
pub(crate) fn oidc(call: &mut Call<'_, '_>) -> Outcome {
    let base = format!("http://{}/oidc", call.request.host);
    Ok(Reply::Json(json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/v1/authorize"),
        "token_endpoint": format!("{base}/v1/token"),
        "scopes_supported": ["all-apis", "offline_access", "openid"],
        "response_types_supported": ["code"],
        "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
    })))
}
