//! The tables of the journal, and whether they are of this version and of this boot.

use std::fs;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::{Result, fact};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Raised when the tables change; a store of another version is refused.
pub(super) const VERSION: i64 = 9;

const TABLES: &str = "
    CREATE TABLE lab (
        name TEXT PRIMARY KEY, source TEXT NOT NULL, host INTEGER NOT NULL, cookie INTEGER NOT NULL,
        whole INTEGER NOT NULL, sight TEXT, run TEXT, networks TEXT NOT NULL
    );
    CREATE TABLE claim (
        lab TEXT NOT NULL, kind TEXT NOT NULL, netns TEXT NOT NULL, object TEXT NOT NULL,
        was TEXT, inode INTEGER, cookie INTEGER, PRIMARY KEY (lab, kind, netns, object)
    ) WITHOUT ROWID;
    CREATE INDEX claim_object ON claim (kind, object);
    CREATE TABLE subnet (
        lab TEXT NOT NULL, network TEXT NOT NULL, place INTEGER NOT NULL, subnet TEXT NOT NULL,
        PRIMARY KEY (lab, network, place)
    ) WITHOUT ROWID;
    CREATE TABLE external (
        lab TEXT NOT NULL, network TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (lab, network)
    ) WITHOUT ROWID;
    CREATE INDEX external_owner ON external (owner);
    CREATE TABLE pool (
        id INTEGER PRIMARY KEY, network TEXT NOT NULL, subnet TEXT NOT NULL, last BLOB,
        UNIQUE (network, subnet)
    );
    CREATE TABLE run (
        pool INTEGER NOT NULL, first BLOB NOT NULL, last BLOB NOT NULL, PRIMARY KEY (pool, first)
    ) WITHOUT ROWID;
    CREATE TABLE lease (
        pool INTEGER NOT NULL, number BLOB NOT NULL, holder TEXT NOT NULL, netns TEXT NOT NULL,
        dev TEXT NOT NULL, inode INTEGER, cookie INTEGER, sight TEXT, since INTEGER NOT NULL,
        PRIMARY KEY (pool, number)
    ) WITHOUT ROWID;
    CREATE INDEX lease_holder ON lease (holder, dev);
    CREATE TABLE overlay (
        lab TEXT NOT NULL, netns TEXT NOT NULL, dev TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (lab, netns, dev)
    ) WITHOUT ROWID;
    CREATE TABLE program (
        lab TEXT NOT NULL, netns TEXT NOT NULL, name TEXT NOT NULL, inode INTEGER NOT NULL, cookie INTEGER NOT NULL,
        pid INTEGER NOT NULL, since INTEGER NOT NULL, asked TEXT NOT NULL, PRIMARY KEY (lab, netns, name)
    ) WITHOUT ROWID;
    CREATE TABLE parted (
        lab TEXT NOT NULL, one TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (lab, one, other)
    ) WITHOUT ROWID;
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// More than there are.
const STATEMENTS: usize = 100;

/// Makes the tables. Where the run directory outlives a reboot, as in some
/// containers, what it says of the last boot is forgotten. Gives the version; of
/// another than this one nothing is read or changed, but that an older one without labs
/// and leases holds nothing, and is made anew.
pub(super) fn prepare(db: &mut Connection) -> Result<i64> {
    db.busy_timeout(Duration::from_secs(10))?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // A statement is not planned anew for each value that it is given
    // (sqlite.org/c3ref/c_dbconfig_defensive.html, SQLITE_DBCONFIG_ENABLE_QPSG).
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The run directory is in memory: what a crash of the machine would lose
    // is lost anyway, what a killed process wrote is kept (sqlite.org/wal.html).
    db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")?;
    let boot = fs::read_to_string(BOOT_ID)?;
    if version(db)? == VERSION && fact(db, "boot")?.as_ref() == Some(&boot) {
        return Ok(VERSION);
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match version(&tx)? {
        VERSION => {}
        0..VERSION if !has_rows(&tx)? => {
            drop_all(&tx)?;
            tx.execute_batch(TABLES)?;
            tx.pragma_update(None, "user_version", VERSION)?;
        }
        other => return Ok(other),
    }
    if fact(&tx, "boot")?.is_some_and(|old| old != boot) {
        tx.execute_batch(
            "DELETE FROM lab; DELETE FROM claim; DELETE FROM subnet; DELETE FROM external; DELETE FROM pool;
             DELETE FROM run; DELETE FROM lease; DELETE FROM overlay; DELETE FROM program; DELETE FROM parted;
             DELETE FROM fact;",
        )?;
    }
    tx.execute("INSERT OR IGNORE INTO fact VALUES ('boot', ?1)", [&boot])?;
    tx.commit()?;
    Ok(VERSION)
}

fn version(db: &Connection) -> Result<i64> {
    Ok(db.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Whether there is a lab, or a lease of a container. Each version had these tables; what is
/// not there yet has none.
fn has_rows(tx: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM lab) OR EXISTS (SELECT 1 FROM lease)";
    Ok(tx.table_exists(None, "lab")? && tx.query_row(sql, [], |row| row.get(0))?)
}

fn drop_all(tx: &Connection) -> Result<()> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let names = tx
        .prepare(sql)?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for name in names {
        tx.execute_batch(&format!("DROP TABLE \"{name}\""))?;
    }
    Ok(())
}
