//! From a place in the config to a client of its workspace.

use std::sync::Arc;

use twinlake_base::Env;
use twinlake_config::{Config, WorkspaceRef};
use twinlake_databricks::{
    Budgets, Client, Error as ClientError, Host, HttpOptions, HttpTransport, Identity, Limits, Policy,
    Profile, Share, Transport,
};
use twinlake_model::{Estate, Place};

use crate::under_way::UnderWay;
use crate::{ControllerError, Setup};

/// Makes clients. All of them share connections and, per host, one budget.
#[derive(Clone)]
pub struct Reach {
    setup: Setup,
    transport: Arc<UnderWay>,
    budgets: Budgets,
}

/// Who we are at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where it is reached.
    pub host: String,
    /// Who we are, and which workspace it is.
    pub identity: Identity,
    /// Whether we are an administrator there, and so see everything.
    pub is_admin: bool,
}

impl Reach {
    /// Sets up HTTP, unless the setup brings a transport.
    ///
    /// # Errors
    /// When TLS or the table of limits cannot be set up.
    pub fn new(setup: &Setup) -> Result<Self, ControllerError> {
        let transport: Arc<dyn Transport> = match &setup.transport {
            Some(transport) => transport.clone(),
            None => Arc::new(HttpTransport::new(&HttpOptions::from_env(&setup.env))?),
        };
        let limits = match &setup.limits {
            Some(limits) => limits.clone(),
            None => Limits::shipped()?,
        };
        let budgets = Budgets::new(limits, setup.clock.clone());
        Ok(Self { setup: setup.clone(), transport: Arc::new(UnderWay::new(transport)), budgets })
    }

    /// A client of a place, with our share of its limits. Nothing is sent.
    ///
    /// # Errors
    /// When the config does not name a workspace there, or its profile or token cannot be read.
    pub fn client(&self, config: &Config, place: &Place, policy: Policy) -> Result<Client, ControllerError> {
        let reaching =
            |source: ClientError| ControllerError::Reach { place: place.clone(), source: Box::new(source) };
        let reference = config.site(&place.site).and_then(|site| site.workspaces.get(&place.set));
        let builder = match reference {
            None => return Err(ControllerError::NoWorkspace { place: place.clone() }),
            Some(WorkspaceRef::Profile(name)) => {
                let profile = self.profile(name, place)?;
                Client::of_profile(&profile)
            }
            Some(WorkspaceRef::Host { host, token }) => {
                let host = Host::parse(host)
                    .map_err(|reason| reaching(ClientError::Unsendable { request: host.clone(), reason }))?;
                let token = token
                    .resolve(&self.setup.env)
                    .map_err(|source| ControllerError::Secret { place: place.clone(), source })?;
                Client::builder(host, token)
            }
        };
        builder
            .transport(self.transport.clone())
            .budgets(self.budgets.clone())
            .clock(self.setup.clock.clone())
            .entropy(self.setup.entropy.clone())
            .gate(self.setup.gate.clone())
            .share(share(&config.estate, place))
            .policy(policy)
            .build()
            .map_err(reaching)
    }

    /// Sends a request that is no workspace's: a webhook.
    ///
    /// # Errors
    /// When it was not sent, or not answered.
    pub(crate) async fn send(
        &self,
        request: http::Request<bytes::Bytes>,
        deadline: twinlake_base::Instant,
    ) -> Result<http::Response<bytes::Bytes>, twinlake_databricks::Undelivered> {
        self.transport.send(request, deadline).await
    }

    /// Waits until no write is under way.
    pub(crate) async fn nothing_under_way(&self) {
        self.transport.none().await;
    }

    /// Asks a place who we are there.
    ///
    /// # Errors
    /// As [`Reach::client`], and when the place does not answer, refuses us, or is not a workspace.
    pub async fn standing(&self, config: &Config, place: &Place) -> Result<Standing, ControllerError> {
        let client = self.client(config, place, Policy::QUICK)?;
        let reaching =
            |source: ClientError| ControllerError::Reach { place: place.clone(), source: Box::new(source) };
        let identity = client.me().await.map_err(reaching)?;
        let me = client.reader().get_json("/api/2.0/preview/scim/v2/Me", &[]).await.map_err(reaching)?;
        let groups = me["groups"].as_array().map_or(&[][..], Vec::as_slice);
        let is_admin = groups.iter().any(|group| group["display"] == "admins");
        Ok(Standing { host: client.host().origin().to_owned(), identity, is_admin })
    }

    fn profile(&self, name: &str, place: &Place) -> Result<Profile, ControllerError> {
        let env: &Env = &self.setup.env;
        Profile::load(Some(name), env).map_err(|mistake| ControllerError::Reach {
            place: place.clone(),
            source: Box::new(mistake.into()),
        })
    }
}

/// Our share of a place's limits: the smallest that any group asks for in the role that the site has for it.
fn share(estate: &Estate, place: &Place) -> Share {
    let of_groups = estate.groups.values().filter(|group| group.sets.iter().any(|set| set.name == place.set));
    let shares = of_groups.filter_map(|group| {
        if group.primary == place.site {
            Some(group.shares.primary)
        } else {
            group.standbys.contains(&place.site).then_some(group.shares.standby)
        }
    });
    shares.reduce(f64::min).and_then(Share::new).unwrap_or(Share::ALL)
}
