//! A topology in code. It becomes the text of a topology file, so that there is one reader, one
//! set of keys and one kind of mistake.

use serde_json::{Map, Value};

use super::Lab;
use crate::error::Error;

type Keys = Map<String, Value>;

/// A lab that is being described; see docs/topology.md for every key.
///
/// ```no_run
/// use netyard::lab::Lab;
///
/// let lab = Lab::draft("two")
///     .network("lan", |lan| lan.subnet("10.0.0.0/24").masquerade())
///     .namespace("one", |one| one.interface("eth0", |eth0| eth0.network("lan")))
///     .namespace("two", |two| {
///         two.interface("eth0", |eth0| eth0.network("lan").address("10.0.0.20/24"))
///     })
///     .expect("one", "two")
///     .up()?;
/// # Ok::<(), netyard::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Draft(Keys);

/// A network that is being described.
#[derive(Debug, Clone, Default)]
pub struct DraftNetwork(Keys);

/// A namespace that is being described.
#[derive(Debug, Clone, Default)]
pub struct DraftNamespace(Keys);

/// An interface that is being described.
#[derive(Debug, Clone, Default)]
pub struct DraftInterface(Keys);

impl Draft {
    pub(super) fn new(lab: &str) -> Self {
        Draft(Keys::from_iter([("lab".to_owned(), lab.into())]))
    }

    /// Adds a network.
    #[must_use]
    pub fn network(
        mut self,
        name: &str,
        describe: impl FnOnce(DraftNetwork) -> DraftNetwork,
    ) -> Self {
        insert(
            &mut self.0,
            "networks",
            name,
            describe(DraftNetwork::default()).0,
        );
        self
    }

    /// Adds a namespace.
    #[must_use]
    pub fn namespace(
        mut self,
        name: &str,
        describe: impl FnOnce(DraftNamespace) -> DraftNamespace,
    ) -> Self {
        insert(
            &mut self.0,
            "namespaces",
            name,
            describe(DraftNamespace::default()).0,
        );
        self
    }

    /// Adds a cable between two interfaces, each as in `one:eth0`.
    #[must_use]
    pub fn link(mut self, one: &str, other: &str) -> Self {
        let link = serde_json::json!({ "endpoints": [one, other] });
        push(&mut self.0, "links", link);
        self
    }

    /// A ping from a namespace must arrive at another, or at an address.
    #[must_use]
    pub fn expect(mut self, from: &str, to: &str) -> Self {
        push(
            &mut self.0,
            "expect",
            serde_json::json!({ "from": from, "to": to }),
        );
        self
    }

    /// A ping from a namespace must not arrive at another, or at an address.
    #[must_use]
    pub fn expect_not(mut self, from: &str, to: &str) -> Self {
        let line = serde_json::json!({ "from": from, "to": to, "reach": false });
        push(&mut self.0, "expect", line);
        self
    }

    /// Sets any other key of the file.
    #[must_use]
    pub fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// The topology file that this is. (JSON is YAML.)
    pub fn text(&self) -> String {
        format!("{:#}", Value::Object(self.0.clone()))
    }

    /// Builds it.
    ///
    /// # Errors
    /// As of [`Lab::from_text`]; mistakes are shown in [`Draft::text`].
    pub fn up(self) -> Result<Lab, Error> {
        Lab::from_text(&self.text())
    }
}

impl DraftNetwork {
    /// Adds a subnet, such as `10.0.0.0/24`. Without any, a free one is chosen.
    #[must_use]
    pub fn subnet(mut self, subnet: &str) -> Self {
        push(&mut self.0, "subnets", subnet.into());
        self
    }

    /// What leaves through the lab's host gets its address.
    #[must_use]
    pub fn masquerade(self) -> Self {
        self.key("masquerade", true)
    }

    /// Sets any key of a network.
    #[must_use]
    pub fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }
}

impl DraftNamespace {
    /// Adds an interface.
    #[must_use]
    pub fn interface(
        mut self,
        name: &str,
        describe: impl FnOnce(DraftInterface) -> DraftInterface,
    ) -> Self {
        insert(
            &mut self.0,
            "interfaces",
            name,
            describe(DraftInterface::default()).0,
        );
        self
    }

    /// Adds a route by a gateway: to a subnet, or `default`.
    #[must_use]
    pub fn route(mut self, to: &str, via: &str) -> Self {
        push(
            &mut self.0,
            "routes",
            serde_json::json!({ "to": to, "via": via }),
        );
        self
    }

    /// It is a router.
    #[must_use]
    pub fn forward(self) -> Self {
        self.key("forward", true)
    }

    /// Sets any key of a namespace.
    #[must_use]
    pub fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }
}

impl DraftInterface {
    /// Plugs it into a network.
    #[must_use]
    pub fn network(self, network: &str) -> Self {
        self.key("network", network)
    }

    /// Adds an address, such as `10.0.0.10/24`. Without any it gets the next free one.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        push(&mut self.0, "addresses", address.into());
        self
    }

    /// Sets any key of an interface.
    #[must_use]
    pub fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }
}

fn insert(keys: &mut Keys, key: &str, name: &str, value: Keys) {
    let all = keys
        .entry(key)
        .or_insert_with(|| Value::Object(Keys::new()));
    if let Value::Object(all) = all {
        all.insert(name.to_owned(), Value::Object(value));
    }
}

fn push(keys: &mut Keys, key: &str, value: Value) {
    let all = keys.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.push(value);
    }
}
