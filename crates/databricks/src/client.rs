//! One host, reached with one identity.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use twinlake_base::{Clock, Entropy, Env, Gate, Secret};

use crate::call::{Core, standing_headers};
use crate::gated::Gated;
use crate::{
    Budgets, Counts, Error, Host, HttpOptions, HttpTransport, Limits, Policy, Profile, Reader, Share,
    Transport, Writer,
};

/// A client of one host. Cheap to clone; clones share connections and budgets.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    policy: Policy,
}

/// Who we are at a host, and which workspace it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, or a service principal's application id.
    pub user_name: String,
    /// The numeric id of that user in the workspace.
    pub user_id: String,
    /// The workspace's id. Two clients with the same id reach the same workspace, whatever their hosts are called.
    pub workspace_id: String,
}

impl Client {
    /// A client of this host with this token.
    #[must_use]
    pub fn builder(host: Host, token: Secret<String>) -> ClientBuilder {
        ClientBuilder {
            host,
            token,
            workspace_id: None,
            transport: None,
            clock: Clock::system(),
            entropy: None,
            gate: Gate::open(),
            budgets: None,
            share: None,
            policy: Policy::default(),
        }
    }

    /// A client of the host that a profile names.
    #[must_use]
    pub fn of_profile(profile: &Profile) -> ClientBuilder {
        Self::builder(profile.host.clone(), profile.token.clone()).workspace_id(profile.workspace_id.clone())
    }

    /// For reading.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader { core: self.core.clone(), policy: self.policy }
    }

    /// For everything else.
    #[must_use]
    pub fn writer(&self) -> Writer {
        Writer { core: self.core.clone(), policy: self.policy }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.core.host
    }

    /// Sets our share of the host's limits, for all clients of the host that share its [`Budgets`].
    pub fn set_share(&self, share: Share) {
        self.core.budget.set_share(share);
    }

    /// What was sent to the host, in total.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts_by_family().into_values().fold(Counts::default(), std::ops::Add::add)
    }

    /// What was sent to the host, by family of the table of limits.
    #[must_use]
    pub fn counts_by_family(&self) -> BTreeMap<String, Counts> {
        self.core.budget.counts()
    }

    /// Asks the host who we are and which workspace it is.
    ///
    /// # Errors
    /// As any read; [`Error::Malformed`] if the host names no user, or no workspace (an account's host does not).
    pub async fn me(&self) -> Result<Identity, Error> {
        let answer = self.reader().get("/api/2.0/preview/scim/v2/Me", &[]).await?;
        let workspace_id = answer.header("x-databricks-org-id").unwrap_or_default().to_owned();
        let body = answer.json()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let identity = Identity { user_name: text("userName"), user_id: text("id"), workspace_id };
        let missing = if identity.user_name.is_empty() {
            "no userName"
        } else if identity.workspace_id.is_empty() {
            "no X-Databricks-Org-Id, so this is not a workspace's host"
        } else {
            return Ok(identity);
        };
        Err(Error::Malformed { request: answer.request, reason: missing.to_owned() })
    }
}

/// Makes a [`Client`].
pub struct ClientBuilder {
    host: Host,
    token: Secret<String>,
    workspace_id: Option<String>,
    transport: Option<Arc<dyn Transport>>,
    clock: Clock,
    entropy: Option<Entropy>,
    gate: Gate,
    budgets: Option<Budgets>,
    share: Option<Share>,
    policy: Policy,
}

impl ClientBuilder {
    /// The workspace to choose on a host that serves several.
    #[must_use]
    pub fn workspace_id(mut self, id: Option<String>) -> Self {
        self.workspace_id = id;
        self
    }

    /// How requests travel. By default sockets of this client's own; several clients should share one transport.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The clock. By default the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The source of jitter and boundaries. By default the machine's.
    #[must_use]
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = Some(entropy);
        self
    }

    /// The gate at the seam. By default open.
    #[must_use]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Budgets shared with other clients. By default this client's own, by the table that ships with this crate.
    #[must_use]
    pub fn budgets(mut self, budgets: Budgets) -> Self {
        self.budgets = Some(budgets);
        self
    }

    /// Our share of the host's limits. By default the table's share on a primary. If another client of the host
    /// already has a budget for it, the share is set anew for both.
    #[must_use]
    pub const fn share(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    /// The patience of readers and writers.
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Setup`] when TLS cannot be set up or the token cannot be a header; [`Error::Limits`].
    pub fn build(self) -> Result<Client, Error> {
        let headers = standing_headers(self.token.expose(), self.workspace_id.as_deref())?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::new(&HttpOptions::from_env(&Env::system()))?),
        };
        let budgets = match self.budgets {
            Some(budgets) => budgets,
            None => Budgets::new(Limits::shipped()?, self.clock.clone()),
        };
        let default = budgets.limits().share_on_a_primary();
        let budget = budgets.host(self.host.authority(), self.share.unwrap_or(default));
        if let Some(share) = self.share {
            budget.set_share(share);
        }
        let core = Core {
            host: self.host,
            token: self.token,
            headers,
            gated: Gated::new(transport, self.gate, self.clock.clone()),
            clock: self.clock,
            entropy: self.entropy.unwrap_or_else(Entropy::system),
            budget,
        };
        Ok(Client { core: Arc::new(core), policy: self.policy })
    }
}
