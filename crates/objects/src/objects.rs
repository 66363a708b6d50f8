//! A store behind a URL, with its gate, its clock and its counts.
//!
//! Each method is one request: nothing is retried here, because only the caller knows whether a repeat is safe. A
//! request ends after [`ObjectsOptions::request`] at the latest; a put that ended so may still happen later.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::{Either, select};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode};
use twinlake_base::{Clock, Gate, GateDecision, Passage, Seam, Side};

use crate::ObjectsError;
use crate::counts::{Counters, Counts};
use crate::url::{Address, parse};

/// What a store needs from the process.
#[derive(Clone, Debug)]
pub struct ObjectsOptions {
    /// Measures how long a request takes, and waits where the gate delays.
    pub clock: Clock,
    /// Asked with [`Seam::Objects`] before and after each request.
    pub gate: Gate,
    /// How long one request may take. Enough for a small object; a store of large ones asks for more.
    pub request: Duration,
    /// Whether the folder of a `file:` store is made where it is missing. Off for a witness: a folder that is missing
    /// because it is not mounted must not come into being empty.
    pub create: bool,
}

impl ObjectsOptions {
    /// How long one request may take unless said otherwise.
    pub const DEFAULT_REQUEST: Duration = Duration::from_secs(10);

    /// With the default time for a request, and no folder made.
    #[must_use]
    pub const fn new(clock: Clock, gate: Gate) -> Self {
        Self { clock, gate, request: Self::DEFAULT_REQUEST, create: false }
    }
}

/// What became of a put if absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is there, durably, and we made it.
    Created,
    /// An object of that name was there. It is as it was.
    Exists,
    /// It may have been made, or may still be. Read it back; what it holds tells whose it is.
    Unknown {
        /// What happened to the answer.
        why: String,
    },
}

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its name, from the store's root: `lease/finance/1`.
    pub name: String,
    /// How many bytes it holds.
    pub size_bytes: u64,
}

/// A store of objects. Cheap to clone; clones share one count.
#[derive(Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// The folder that must be there for each request, for `file:` stores.
    root: Option<PathBuf>,
    place: Arc<str>,
    counters: Arc<Counters>,
    options: ObjectsOptions,
}

impl Objects {
    /// Opens the store of a URL. `memory:` is a new, empty one each time.
    ///
    /// # Errors
    /// [`ObjectsError::MalformedUrl`], [`ObjectsError::NoCloud`], [`ObjectsError::NoFolder`],
    /// [`ObjectsError::Unavailable`].
    pub fn open(url: &str, options: ObjectsOptions) -> Result<Self, ObjectsError> {
        match parse(url)? {
            Address::Memory => Ok(Self::in_memory(options)),
            Address::Folder(folder) => Self::in_folder(url, folder, options),
        }
    }

    /// A new, empty store that ends with its last handle.
    #[must_use]
    pub fn in_memory(options: ObjectsOptions) -> Self {
        Self::over(Arc::new(InMemory::new()), None, "memory:", options)
    }

    /// The same store through another gate and clock, with a count of its own: what another process sees of it.
    #[must_use]
    pub fn reopened(&self, options: ObjectsOptions) -> Self {
        Self { counters: Arc::default(), options, ..self.clone() }
    }

    /// The URL.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The requests made through this handle and its clones.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Makes an object, unless one of that name is there. Of all that try, at most one is told [`Put::Created`], and
    /// a reader sees all of the object or none.
    ///
    /// # Errors
    /// [`ObjectsError`]: then nothing was made. A lost answer is not an error but [`Put::Unknown`].
    pub async fn put_if_absent(&self, name: &str, bytes: impl Into<Bytes>) -> Result<Put, ObjectsError> {
        let request = self.request("PUT", name)?;
        let payload = bytes.into().into();
        let put = self.store.put_opts(&request.path, payload, PutMode::Create.into());
        match self.send(&request, &self.counters.puts, put).await? {
            Answer::Came(Ok(_)) => Ok(Put::Created),
            Answer::Came(Err(Error::AlreadyExists { .. })) => Ok(Put::Exists),
            Answer::Came(Err(error)) if is_refusal(&error) => Err(self.denied(request, error)),
            // Whatever else went wrong may have gone wrong after the object was made.
            Answer::Came(Err(error)) => Ok(Put::Unknown { why: error.to_string() }),
            Answer::Lost(why) => Ok(Put::Unknown { why }),
            Answer::TimedOut => {
                Ok(Put::Unknown { why: format!("no answer within {} s", self.options.request.as_secs_f64()) })
            }
        }
    }

    /// The bytes of an object; None if there is none.
    ///
    /// # Errors
    /// [`ObjectsError`]. That the store cannot be asked is never told as "there is none".
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>, ObjectsError> {
        let request = self.request("GET", name)?;
        let get = async { self.store.get(&request.path).await?.bytes().await };
        match self.send(&request, &self.counters.gets, get).await? {
            Answer::Came(Ok(bytes)) => Ok(Some(bytes)),
            Answer::Came(Err(Error::NotFound { .. })) => Ok(None),
            other => Err(self.failed(request, other)),
        }
    }

    /// The first bytes of an object, at most `length` (at least 1) of them: what a large object says of itself. None
    /// if there is no such object. An empty object is an error.
    ///
    /// # Errors
    /// [`ObjectsError`]. That the store cannot be asked is never told as "there is none".
    pub async fn get_first(&self, name: &str, length: u64) -> Result<Option<Bytes>, ObjectsError> {
        let request = self.request("GET", name)?;
        let range = GetOptions { range: Some(GetRange::Bounded(0..length.max(1))), ..GetOptions::default() };
        let get = async { self.store.get_opts(&request.path, range).await?.bytes().await };
        match self.send(&request, &self.counters.gets, get).await? {
            Answer::Came(Ok(bytes)) => Ok(Some(bytes)),
            Answer::Came(Err(Error::NotFound { .. })) => Ok(None),
            other => Err(self.failed(request, other)),
        }
    }

    /// All objects below a folder (`lease/finance` does not include `lease/finance-2/1`), in order of name, to the
    /// end of the listing. A folder that is not there has no objects.
    ///
    /// # Errors
    /// [`ObjectsError`]. Part of a listing is never given as the whole.
    pub async fn list(&self, folder: &str) -> Result<Vec<Object>, ObjectsError> {
        let request = self.request("LIST", folder)?;
        let list = self.store.list(Some(&request.path)).try_collect::<Vec<_>>();
        match self.send(&request, &self.counters.lists, list).await? {
            Answer::Came(Ok(found)) => {
                let mut objects: Vec<Object> = found
                    .into_iter()
                    .map(|meta| Object { name: meta.location.to_string(), size_bytes: meta.size })
                    .collect();
                objects.sort_by(|one, two| one.name.cmp(&two.name));
                Ok(objects)
            }
            other => Err(self.failed(request, other)),
        }
    }

    /// Removes an object. One that is not there is no error: somebody else may have removed it.
    ///
    /// # Errors
    /// [`ObjectsError`]; then it may or may not be there.
    pub async fn delete(&self, name: &str) -> Result<(), ObjectsError> {
        let request = self.request("DELETE", name)?;
        match self.send(&request, &self.counters.deletes, self.store.delete(&request.path)).await? {
            Answer::Came(Ok(()) | Err(Error::NotFound { .. })) => Ok(()),
            other => Err(self.failed(request, other)),
        }
    }

    fn in_folder(url: &str, folder: PathBuf, options: ObjectsOptions) -> Result<Self, ObjectsError> {
        let unavailable = |why: String| ObjectsError::Unavailable {
            doing: "opening".to_owned(),
            place: url.to_owned(),
            why,
        };
        if options.create {
            std::fs::create_dir_all(&folder).map_err(|error| unavailable(error.to_string()))?;
        }
        if !folder.is_dir() {
            return Err(ObjectsError::NoFolder { folder: folder.display().to_string() });
        }
        // A record that is answered for must survive a loss of power, hence fsync.
        let store =
            LocalFileSystem::new_with_prefix(&folder).map_err(|error| unavailable(error.to_string()))?;
        Ok(Self::over(Arc::new(store.with_fsync(true)), Some(folder), url, options))
    }

    fn over(
        store: Arc<dyn ObjectStore>,
        root: Option<PathBuf>,
        place: &str,
        options: ObjectsOptions,
    ) -> Self {
        Self { store, root, place: place.into(), counters: Arc::default(), options }
    }

    fn request(&self, verb: &str, name: &str) -> Result<Request, ObjectsError> {
        let path = Path::parse(name).ok().filter(|path| !path.as_ref().is_empty());
        let Some(path) = path else {
            return Err(ObjectsError::MalformedName { place: self.place.to_string(), name: name.to_owned() });
        };
        Ok(Request { what: format!("{verb} {path}"), path })
    }

    /// One request: the gate on either side, the time limit around it.
    async fn send<T>(
        &self,
        request: &Request,
        counter: &AtomicU64,
        act: impl Future<Output = Result<T, Error>>,
    ) -> Result<Answer<T>, ObjectsError> {
        // A folder that was unmounted would be made anew by the first write into it, empty.
        if let Some(root) = self.root.as_ref().filter(|root| !root.is_dir()) {
            return Err(ObjectsError::NoFolder { folder: root.display().to_string() });
        }
        counter.fetch_add(1, Ordering::Relaxed);
        let whole = async {
            if let Some(why) = self.pass(Side::Before, &request.what).await? {
                return Ok(Answer::Lost(why));
            }
            let answer = act.await;
            match self.pass(Side::After, &request.what).await? {
                Some(why) => Ok(Answer::Lost(why)),
                None => Ok(Answer::Came(answer)),
            }
        };
        match select(pin!(whole), pin!(self.options.clock.sleep(self.options.request))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Ok(Answer::TimedOut),
        }
    }

    /// Passes the gate; says why not, if the request or its answer gets lost there. A caller of a cloud store cannot
    /// tell on which side of the effect that was, so neither can ours.
    async fn pass(&self, side: Side, what: &str) -> Result<Option<String>, ObjectsError> {
        match self.options.gate.ask(Passage { seam: Seam::Objects, side, what })? {
            GateDecision::Lose => return Ok(Some("the connection broke before an answer came".to_owned())),
            GateDecision::Delay(duration) => self.options.clock.sleep(duration).await,
            GateDecision::Pass | GateDecision::Crash => {}
        }
        Ok(None)
    }

    fn failed<T>(&self, request: Request, answer: Answer<T>) -> ObjectsError {
        let (doing, place) = (request.what.clone(), self.place.to_string());
        match answer {
            Answer::Came(Err(error)) if is_refusal(&error) => self.denied(request, error),
            Answer::Came(Err(error)) => ObjectsError::Unavailable { doing, place, why: error.to_string() },
            Answer::Came(Ok(_)) => ObjectsError::Unavailable { doing, place, why: String::new() },
            Answer::Lost(why) => ObjectsError::Unavailable { doing, place, why },
            Answer::TimedOut => ObjectsError::TimedOut { doing, place, waited: self.options.request },
        }
    }

    fn denied(&self, request: Request, source: Error) -> ObjectsError {
        ObjectsError::Denied { doing: request.what, place: self.place.to_string(), source: Box::new(source) }
    }
}

struct Request {
    what: String,
    path: Path,
}

enum Answer<T> {
    Came(Result<T, Error>),
    Lost(String),
    TimedOut,
}

/// Refusals happen before the effect. A folder's come as plain I/O errors.
fn is_refusal(error: &Error) -> bool {
    if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) {
        return true;
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                io.kind(),
                std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
            );
        }
        cause = error.source();
    }
    false
}
