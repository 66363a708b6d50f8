//! Bytes of the source, read ahead of need.
//!
//! At our share of the limits, listing a large tree takes minutes, and so does reading what it shows; each has a budget
//! of its own. So bytes are read from the moment when a row says that we do not know them: while the listing goes on,
//! while the plan is made, and while it is applied. What was read decides nothing before it is asked for: a plan is the
//! same however far the reading has come.

use std::collections::{BTreeMap, HashSet, VecDeque};

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use twinlake_databricks::Reader;
use twinlake_model::{AssetId, Digest, Place, RemoteId};
use twinlake_store::Store;

use crate::SyncError;
use crate::content::{self, READS_AT_ONCE};

/// What came of reading an asset's bytes. None where it is gone.
pub(crate) type Read = Result<Option<Digest>, SyncError>;

/// An asset and what its place calls it.
pub(crate) type Unread = (AssetId, RemoteId);

/// The reads of one place. Nothing moves unless one of the methods that wait is waited for.
pub(crate) struct ReadAhead {
    store: Store,
    reader: Reader,
    place: Place,
    shown: mpsc::UnboundedReceiver<Unread>,
    waiting: VecDeque<Unread>,
    begun: HashSet<AssetId>,
    under_way: FuturesUnordered<BoxFuture<'static, (AssetId, Read)>>,
    read: BTreeMap<AssetId, Read>,
}

impl ReadAhead {
    /// Nothing is read yet. What is sent to the sender will be.
    pub(crate) fn new(store: Store, reader: Reader, place: Place) -> (mpsc::UnboundedSender<Unread>, Self) {
        let (sender, shown) = mpsc::unbounded();
        let ahead = Self {
            store,
            reader,
            place,
            shown,
            waiting: VecDeque::new(),
            begun: HashSet::new(),
            under_way: FuturesUnordered::new(),
            read: BTreeMap::new(),
        };
        (sender, ahead)
    }

    /// Waits for `work`, and reads meanwhile.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.start();
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(unread) = self.shown.next() => self.waiting.push_back(unread),
                Some((asset, read)) = self.under_way.next() => drop(self.read.insert(asset, read)),
            }
        }
    }

    /// Reads these before all others.
    pub(crate) fn first(&mut self, wanted: &[Unread]) {
        wanted.iter().rev().for_each(|unread| self.waiting.push_front(unread.clone()));
    }

    /// Waits for these, and hands them out. They have been asked for before.
    pub(crate) async fn all_of(&mut self, wanted: &[Unread]) -> Vec<(AssetId, Read)> {
        let mut missing: HashSet<&AssetId> = wanted.iter().map(|(asset, _)| asset).collect();
        missing.retain(|asset| !self.read.contains_key(*asset));
        while !missing.is_empty() {
            self.start();
            let Some((asset, read)) = self.under_way.next().await else { break };
            missing.remove(&asset);
            self.read.insert(asset, read);
        }
        wanted.iter().filter_map(|(asset, _)| self.read.remove_entry(asset)).collect()
    }

    /// From now on reads these, in this order, and nothing else that it has not begun to read.
    pub(crate) fn narrow(&mut self, wanted: impl Iterator<Item = Unread>) {
        self.shown.close();
        while self.shown.try_recv().is_ok() {}
        self.waiting = wanted.collect();
    }

    /// Waits for the next asset whose bytes have been read. None when all have been handed out.
    pub(crate) async fn next(&mut self) -> Option<(AssetId, Read)> {
        self.start();
        match self.read.pop_first() {
            Some(read) => Some(read),
            None => self.under_way.next().await,
        }
    }

    fn start(&mut self) {
        while self.under_way.len() < READS_AT_ONCE
            && let Some((asset, remote)) = self.waiting.pop_front()
        {
            if !self.begun.insert(asset.clone()) {
                continue;
            }
            let (store, reader, place) = (self.store.clone(), self.reader.clone(), self.place.clone());
            self.under_way.push(Box::pin(async move {
                let read = content::read(&store, &reader, &place, &asset, &remote).await;
                (asset, read)
            }));
        }
    }
}
