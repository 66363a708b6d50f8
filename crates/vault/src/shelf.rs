//! The shipped states of one location.

use twinlake_objects::{ObjectsError, Put};

use crate::header::{Body, Header, LONGEST, Opened};
use crate::{Key, Location, VaultError, names};

/// How often the next number is tried while others take it.
const NUMBERS: usize = 8;

/// How often an answer that was lost is looked for, and the object sent again.
const LOOKS: usize = 3;

/// The folder of states at a location.
pub(crate) struct Shelf<'a>(pub(crate) &'a Location);

impl Shelf<'_> {
    /// Which generations there are, the oldest first.
    pub(crate) async fn generations(&self) -> Result<Vec<u64>, VaultError> {
        let objects = self.0.objects.list(names::STATES).await?;
        Ok(objects.iter().filter_map(|object| names::read_state(&object.name)).collect())
    }

    /// What a generation says of itself. None: it was cleared away meanwhile.
    pub(crate) async fn header(&self, generation: u64) -> Result<Option<Header>, VaultError> {
        let name = names::state(generation);
        match self.0.objects.get_first(&name, LONGEST).await? {
            Some(bytes) => Header::read(&bytes, &name, self.0.objects.place()).map(Some),
            None => Ok(None),
        }
    }

    /// A generation, opened. None: it was cleared away meanwhile.
    pub(crate) async fn open(&self, generation: u64, key: &Key) -> Result<Option<Opened>, VaultError> {
        let name = names::state(generation);
        match self.0.objects.get(&name).await? {
            Some(bytes) => Header::open(&bytes, key, &name, self.0.objects.place()).map(Some),
            None => Ok(None),
        }
    }

    /// Puts a state there as the next generation after `last`. Says which that was, and how many bytes.
    pub(crate) async fn put(&self, body: &Body, last: u64) -> Result<(u64, u64), VaultError> {
        let mut generation = last;
        for _ in 0..NUMBERS {
            generation += 1;
            let (header, bytes) = body.object(generation)?;
            let size = bytes.len() as u64;
            if self.put_as(&header, bytes).await? {
                return Ok((generation, size));
            }
        }
        Err(VaultError::Busy { place: self.0.objects.place().to_owned() })
    }

    /// Clears a generation away.
    pub(crate) async fn clear(&self, generation: u64) -> Result<(), VaultError> {
        Ok(self.0.objects.delete(&names::state(generation)).await?)
    }

    /// Whether the object is there and ours; false when somebody else's is.
    async fn put_as(&self, header: &Header, bytes: Vec<u8>) -> Result<bool, VaultError> {
        let name = names::state(header.generation);
        let bytes = bytes::Bytes::from(bytes);
        let mut why = String::new();
        for _ in 0..LOOKS {
            match self.0.objects.put_if_absent(&name, bytes.clone()).await? {
                Put::Created => return Ok(true),
                Put::Exists if why.is_empty() => return Ok(false),
                // Perhaps by an earlier attempt of ours, which arrived late.
                Put::Exists => {}
                Put::Unknown { why: lost } => why = lost,
            }
            match self.header(header.generation).await {
                Ok(Some(found)) => return Ok(found == *header),
                Ok(None) => {}
                Err(VaultError::Objects(error)) => why = error.to_string(),
                // Something is there, and it is not what we sent.
                Err(VaultError::Damaged { .. } | VaultError::Newer { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Err(VaultError::Unsettled { object: name, place: self.0.objects.place().to_owned(), why })
    }
}

/// Whether an error ends everything, and not only what was done at one location.
pub(crate) fn is_crash(error: &VaultError) -> bool {
    matches!(error, VaultError::Crashed(_) | VaultError::Objects(ObjectsError::Crashed(_)))
}
