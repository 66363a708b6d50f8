//! Serving the account over HTTP: each workspace at a loopback port of its own, the control at another.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::connection::{Connection, CuttableListener};
use crate::error::Error;
use crate::simulator::Simulator;
use crate::workspace::WorkspaceInfo;

/// How long open connections may take to end when the simulation stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where to serve.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Ports of workspaces, by name. Those without one get any free port.
    pub ports: BTreeMap<String, u16>,
    /// The control's port; any free one if missing.
    pub control_port: Option<u16>,
    /// A file to which the account is saved when the simulation stops.
    pub state: Option<PathBuf>,
}

/// A workspace that is being served.
#[derive(Clone, Debug)]
pub struct ServedWorkspace {
    /// Which one, with its token.
    pub info: WorkspaceInfo,
    /// `http://127.0.0.1:port`
    pub url: String,
}

/// An account that is being served. Dropping it stops serving at once.
#[derive(Debug)]
pub struct Served {
    /// The workspaces, in order of creation.
    pub workspaces: Vec<ServedWorkspace>,
    /// `http://127.0.0.1:port` of the control.
    pub control_url: String,
    simulator: Simulator,
    state: Option<PathBuf>,
    tasks: Vec<JoinHandle<()>>,
}

impl Served {
    /// Completes when somebody asks the control to stop.
    pub async fn asked_to_stop(&self) {
        let mut stopping = self.simulator.gateway.stopping.subscribe();
        // An error means that the account is gone, which is a stop as well.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Stops: no new connections, open requests end, the state is saved if that was asked for.
    ///
    /// # Errors
    /// [`Error::StateFile`].
    pub async fn stop(mut self) -> Result<(), Error> {
        self.simulator.gateway.stopping.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            let abort = task.abort_handle();
            if tokio::time::timeout(PATIENCE, task).await.is_err() {
                abort.abort();
            }
        }
        match &self.state {
            Some(path) => self.simulator.save(path),
            None => Ok(()),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Simulator {
    /// Serves every workspace that there is now, and the control, on loopback ports.
    ///
    /// # Errors
    /// [`Error::Listen`] if a port cannot be had; then nothing is served.
    pub async fn serve(&self, options: ServeOptions) -> Result<Served, Error> {
        let (mut workspaces, mut listening) = (Vec::new(), Vec::new());
        for info in self.workspaces() {
            let port = options.ports.get(&info.name).copied().unwrap_or(0);
            let (listener, url) = listen(&info.name, port).await?;
            listening.push((listener, self.router(&info.name)?));
            workspaces.push(ServedWorkspace { info, url });
        }
        let (listener, control_url) = listen("control", options.control_port.unwrap_or(0)).await?;
        listening.push((listener, self.control_router()));
        let tasks = listening.into_iter().map(|(listener, router)| self.spawn(listener, router)).collect();
        Ok(Served { workspaces, control_url, simulator: self.clone(), state: options.state, tasks })
    }

    fn spawn(&self, listener: TcpListener, router: Router) -> JoinHandle<()> {
        let mut stopping = self.gateway.stopping.subscribe();
        let stop = async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        };
        let service = router.into_make_service_with_connect_info::<Connection>();
        tokio::spawn(async move {
            // Serving ends by the signal alone; a listener that fails is tried again.
            let _ = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(stop).await;
        })
    }
}

async fn listen(name: &str, port: u16) -> Result<(TcpListener, String), Error> {
    let failed = |source| Error::Listen { name: name.to_owned(), port, source };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, format!("http://{address}")))
}
