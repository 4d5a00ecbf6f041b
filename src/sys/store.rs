//! The journal: what each lab claims, holds on lease and was described by. It
//! lies in the run directory, so that a reboot empties it with the kernel's state.

mod claims;
mod external;
mod given;
mod lapse;
mod lease;
mod made;
mod overlay;
mod pool;
mod program;
mod row;
mod tables;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use rustix::fs::{Access, FlockOperation};

use row::{identity, key, rest, stored};
use tables::VERSION;

use super::netns::{self, Identity};
use super::{Failure, sight};
use crate::error::Error;
use crate::ipam::{InUse, Leases};
use crate::plan::Claim;
use crate::state::LabName;
pub use lease::{Ask, Owner, Place};
pub(crate) use program::Begun;

const DIRECTORY: &str = "/run/netyard";
const FILE: &str = "/run/netyard/netyard.db";
const OPENING: &str = "open the journal /run/netyard/netyard.db";
const LOCK: &str = "/run/netyard/lock";
/// Another one each time that it is read (random(4)).
const UUID: &str = "/proc/sys/kernel/random/uuid";

/// The open journal.
#[derive(Debug)]
pub(crate) struct Store {
    db: Connection,
}

/// Held while labs are changed, by one program at a time, or looked at, by many. The
/// last of its copies releases it.
#[derive(Debug, Clone)]
pub(crate) struct Lock(
    #[expect(dead_code, reason = "closing it is what releases the lock")] Arc<File>,
);

/// Takes the lock to change labs. It goes with the process, however that ends. When
/// others have it, `waiting` is told before this waits for them.
pub(crate) fn lock(waiting: impl FnOnce()) -> io::Result<Lock> {
    make_directory()?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(LOCK)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => waiting(),
        taken => return Ok(taken.map(|()| Lock(Arc::new(file)))?),
    }
    wait(file, FlockOperation::LockExclusive)
}

/// Takes the lock to look at labs, so that none comes or goes meanwhile. `None` where
/// no lab was ever made.
pub(crate) fn lock_to_read() -> io::Result<Option<Lock>> {
    match File::open(LOCK) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        file => wait(file?, FlockOperation::LockShared).map(Some),
    }
}

/// The same without waiting: `None` while somebody changes labs.
pub(crate) fn try_lock_to_read() -> io::Result<Option<Lock>> {
    let file = File::open(lock_file()?)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        taken => Ok(Some(taken.map(|()| Lock(Arc::new(file)))?)),
    }
}

/// The lock's file, made if there is none. Who has changed labs closes it, opened to
/// write; who only looks at them opens it to read.
pub(crate) fn lock_file() -> io::Result<&'static str> {
    make_directory()?;
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(LOCK)
    {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(LOCK),
    }
}

fn wait(file: File, operation: FlockOperation) -> io::Result<Lock> {
    rustix::io::retry_on_intr(|| rustix::fs::flock(&file, operation))?;
    Ok(Lock(Arc::new(file)))
}

/// Whether labs can be recorded. Nothing is made.
pub(crate) fn can_be_written() -> io::Result<()> {
    let may = |path: &str| rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK);
    Ok(match may(DIRECTORY) {
        Err(rustix::io::Errno::NOENT) => may("/run"),
        answer => answer,
    }?)
}

fn make_directory() -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(DIRECTORY)
}

/// A lab as the journal knows it.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    pub(crate) name: LabName,
    /// The topology file that it was last brought up with.
    pub(crate) source: String,
    /// The namespace that was its host.
    pub(crate) host: Identity,
    /// Whether the last change of it was finished, and not killed on the way.
    pub(crate) whole: bool,
    /// Who would see its host ([`sight::sight`]), if that is known.
    pub(crate) sight: Option<String>,
    /// The run that it was made for, and that takes it down.
    pub(crate) run: Option<String>,
    /// Its networks as others see them, written by who knows what they are: nobody has to read
    /// its file for them, which may be long.
    pub(crate) networks: String,
}

impl Lab {
    /// One whose host is the namespace that netyard runs in, not finished yet.
    pub(crate) fn here(name: &LabName, source: &str) -> io::Result<Self> {
        Ok(Lab {
            name: name.clone(),
            source: source.to_owned(),
            host: netns::host()?.identity,
            whole: false,
            sight: sight::sight(),
            run: None,
            networks: String::new(),
        })
    }
}

/// What tells a run from all others.
pub(crate) fn new_run() -> io::Result<String> {
    fs::read_to_string(UUID)
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure {
            errno: 0,
            text: Some(error.to_string()),
        }
    }
}

type Result<T> = std::result::Result<T, Failure>;

impl Store {
    /// Opens the journal, and makes it when there is none. One opens at a time: who turns
    /// the write-ahead log on, or finds another at it, is refused without a wait
    /// (sqlite.org/wal.html, "Sometimes queries return SQLITE_BUSY in WAL mode").
    pub(crate) fn open() -> std::result::Result<Self, Error> {
        make_directory().map_err(Error::journal(OPENING))?;
        let alone = File::open(DIRECTORY).and_then(|at| wait(at, FlockOperation::LockExclusive));
        let _alone = alone.map_err(Error::journal(OPENING))?;
        Self::on(Connection::open(FILE))
    }

    /// Opens the journal to look into it. Where there is none, it is as if there
    /// were an empty one, and none is made.
    pub(crate) fn open_to_read() -> std::result::Result<Self, Error> {
        match fs::metadata(FILE) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Self::on(Connection::open_in_memory()),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                Err(Error::NotRoot("reading the journal".to_owned()))
            }
            _ => Self::open(),
        }
    }

    fn on(db: rusqlite::Result<Connection>) -> std::result::Result<Self, Error> {
        let mut store = Store {
            db: db.map_err(Error::journal(OPENING))?,
        };
        match tables::prepare(&mut store.db).map_err(Error::journal(OPENING))? {
            VERSION => Ok(store),
            found => Err(Error::JournalVersion {
                found,
                known: VERSION,
            }),
        }
    }

    /// Every lab, by name.
    pub(crate) fn labs(&self) -> Result<Vec<Lab>> {
        let mut query = self.db.prepare_cached(&format!("{LABS} ORDER BY name"))?;
        let mut rows = query.query([])?;
        let mut labs = Vec::new();
        while let Some(row) = rows.next()? {
            labs.push(described(row)?);
        }
        Ok(labs)
    }

    /// One lab.
    pub(crate) fn lab(&self, name: &LabName) -> Result<Option<Lab>> {
        let sql = format!("{LABS} WHERE name = ?1");
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query([name.as_str()])?;
        rows.next()?.map(described).transpose()
    }

    /// Whether there are labs beside this one.
    pub(crate) fn has_others(&self, lab: &LabName) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM lab WHERE name != ?1)";
        Ok(self
            .db
            .prepare_cached(sql)?
            .query_row([lab.as_str()], |row| row.get(0))?)
    }

    /// All that is written in here is written, or nothing.
    pub(crate) fn together(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let written = write(self);
        let end = written.as_ref().map_or("ROLLBACK", |()| "COMMIT");
        self.db.execute_batch(end)?;
        written
    }

    /// Replaces what is known of a lab. Nothing claimed ends it.
    /// [`Lab::whole`] says whether its change is finished.
    pub(crate) fn record(
        &mut self,
        lab: &Lab,
        before: &BTreeSet<Claim>,
        claims: &BTreeSet<Claim>,
        leases: &Leases,
    ) -> Result<()> {
        // Its first statement writes: one that began with reading would be refused where
        // a lease was written meanwhile (SQLITE_BUSY_SNAPSHOT, sqlite.org/rescode.html).
        let tx = self.db.savepoint()?;
        let name = lab.name.as_str();
        let gone: BTreeSet<_> = before.difference(claims).map(key).collect();
        for (kind, netns, object) in &gone {
            let sql = "DELETE FROM claim WHERE lab=?1 AND kind=?2 AND netns=?3 AND object=?4";
            tx.prepare_cached(sql)?
                .execute([name, kind, netns, object])?;
        }
        // Of a setting of a namespace, or of what is at a path, there is one row: that of the
        // one before went with it.
        let again = claims.intersection(before);
        let again = again.filter(|claim| rest(claim) != (None, None) && gone.contains(&key(claim)));
        for claim in claims.difference(before).chain(again) {
            let ((kind, netns, object), (was, which)) = (key(claim), rest(claim));
            let (inode, cookie) = (
                which.map(|which| which.inode as i64),
                which.map(|which| which.cookie as i64),
            );
            let sql = "INSERT OR REPLACE INTO claim VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            tx.prepare_cached(sql)?
                .execute(params![name, kind, netns, object, was, inode, cookie])?;
        }
        tx.prepare_cached("DELETE FROM lab WHERE name = ?1")?
            .execute([name])?;
        if !claims.is_empty() {
            let sql = "INSERT INTO lab VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let (inode, cookie) = (lab.host.inode as i64, lab.host.cookie as i64);
            let row = params![
                name,
                lab.source,
                inode,
                cookie,
                lab.whole,
                lab.sight,
                lab.run,
                lab.networks
            ];
            tx.prepare_cached(sql)?.execute(row)?;
            given::write(&tx, &lab.name, leases)?;
        } else {
            given::write(&tx, &lab.name, &Leases::default())?;
            overlay::forget(&tx, &lab.name)?;
            program::forget(&tx, &lab.name)?;
        }
        // What was done for the first lab has been put back with the last.
        let last = "DELETE FROM fact WHERE name = 'directory' AND NOT EXISTS (SELECT 1 FROM lab)";
        tx.prepare_cached(last)?.execute([])?;
        Ok(tx.commit()?)
    }

    /// What a lab was given: addresses, and subnets.
    pub(crate) fn leases(&self, lab: &LabName) -> Result<Leases> {
        given::read(&self.db, lab)
    }

    /// The subnets of all labs but this one, and of containers.
    pub(crate) fn subnets_beside(&self, lab: &LabName) -> Result<Vec<InUse>> {
        given::beside(&self.db, lab)
    }

    /// What was remembered about the host, such as how a directory was found.
    pub(crate) fn fact(&self, name: &str) -> Result<Option<String>> {
        fact(&self.db, name)
    }

    /// Remembers it, unless something is remembered already: a run that was killed
    /// may have changed what was found first.
    pub(crate) fn set_fact(&mut self, name: &str, value: &str) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO fact VALUES (?1, ?2)")?
            .execute([name, value])?;
        Ok(())
    }

    /// Remembers it in place of what was.
    pub(crate) fn replace_fact(&mut self, name: &str, value: &str) -> Result<()> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO fact VALUES (?1, ?2)")?
            .execute([name, value])?;
        Ok(())
    }
}

const LABS: &str = "SELECT name, source, host, cookie, whole, sight, run, networks FROM lab";

fn described(row: &rusqlite::Row<'_>) -> Result<Lab> {
    Ok(Lab {
        name: stored(row.get(0)?)?,
        source: row.get(1)?,
        host: identity(row, 2)?,
        whole: row.get(4)?,
        sight: row.get(5)?,
        run: row.get(6)?,
        networks: row.get(7)?,
    })
}

fn fact(db: &Connection, name: &str) -> Result<Option<String>> {
    let sql = "SELECT value FROM fact WHERE name = ?1";
    Ok(db
        .prepare_cached(sql)?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

#[cfg(test)]
mod tests;
