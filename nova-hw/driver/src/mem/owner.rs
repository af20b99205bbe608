// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Who pays: owners, their limits, and charges.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use serde::Serialize;

/// What is counted and limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Bytes of VRAM.
    Vram,
    /// Bytes of system memory that the driver allocates: not a guest's own.
    System,
    /// Address spaces.
    AddressSpaces,
    /// Channel groups.
    ChannelGroups,
    /// Channels.
    Channels,
    /// Mappings in address spaces: each costs memory of this process.
    Mappings,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 6] = [
        Self::Vram,
        Self::System,
        Self::AddressSpaces,
        Self::ChannelGroups,
        Self::Channels,
        Self::Mappings,
    ];
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vram => "bytes of VRAM",
            Self::System => "bytes of system memory",
            Self::AddressSpaces => "address spaces",
            Self::ChannelGroups => "channel groups",
            Self::Channels => "channels",
            Self::Mappings => "mappings",
        })
    }
}

/// What it is for. Only for the figures: limits do not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// What was asked for.
    Buffer,
    /// Page directories and page tables.
    PageTables,
    /// Instance blocks of channels.
    InstanceBlock,
    /// USERD of channels.
    Userd,
    /// Fault method buffers of channels.
    MethodBuffer,
    /// Rings and push buffers.
    Ring,
    /// Semaphores and error notifiers.
    Semaphore,
    /// What BAR1 shows where nothing is mapped.
    DummyPage,
    /// No memory: one of something.
    Count,
}

impl Usage {
    /// Every usage.
    pub const ALL: [Self; 9] = [
        Self::Buffer,
        Self::PageTables,
        Self::InstanceBlock,
        Self::Userd,
        Self::MethodBuffer,
        Self::Ring,
        Self::Semaphore,
        Self::DummyPage,
        Self::Count,
    ];
}

/// How much an owner may have of each resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits([u64; Resource::ALL.len()]);

impl Limits {
    /// As much as there is.
    pub const UNLIMITED: Self = Self([u64::MAX; Resource::ALL.len()]);

    /// The same, with `limit` of `resource`.
    #[must_use]
    pub const fn with(mut self, resource: Resource, limit: u64) -> Self {
        self.0[resource as usize] = limit;
        self
    }

    /// The limit of `resource`.
    pub const fn of(&self, resource: Resource) -> u64 {
        self.0[resource as usize]
    }
}

/// An owner has no more of something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{owner} may have {limit} {resource}, has {used} and wants {asked} more")]
pub struct QuotaError {
    /// Whose limit it is.
    pub owner: String,
    /// Of what.
    pub resource: Resource,
    /// How much more was asked for.
    pub asked: u64,
    /// How much the owner has.
    pub used: u64,
    /// How much it may have.
    pub limit: u64,
}

#[derive(Debug)]
struct Account {
    limits: Limits,
    used: [[u64; Usage::ALL.len()]; Resource::ALL.len()],
}

impl Account {
    fn used(&self, resource: Resource) -> u64 {
        self.used[resource as usize].iter().sum()
    }
}

#[derive(Debug)]
struct Inner {
    name: String,
    account: Mutex<Account>,
}

impl Inner {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tenant, or the daemon itself. A clone is the same owner; it lives as long as anything is
/// charged to it.
#[derive(Clone)]
pub struct Owner(Arc<Inner>);

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owner").field(&self.0.name).finish()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.name)
    }
}

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Owner {}

impl Owner {
    /// Its name, for logs and figures.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How much it has of a resource.
    pub fn used(&self, resource: Resource) -> u64 {
        self.0.account().used(resource)
    }

    /// How much of that is for one purpose.
    pub fn used_for(&self, resource: Resource, usage: Usage) -> u64 {
        self.0.account().used[resource as usize][usage as usize]
    }

    /// Its limits.
    pub fn limits(&self) -> Limits {
        self.0.account().limits
    }

    /// Changes a limit. What the owner has beyond it, it keeps.
    pub fn set_limit(&self, resource: Resource, limit: u64) {
        let limits = &mut self.0.account().limits;
        *limits = limits.with(resource, limit);
    }

    /// Charges the owner until the charge is dropped.
    ///
    /// # Errors
    /// When its limit does not allow it; then nothing is charged.
    pub fn charge(
        &self,
        resource: Resource,
        usage: Usage,
        amount: u64,
    ) -> Result<Charge, QuotaError> {
        self.add(resource, usage, amount)?;
        Ok(Charge {
            owner: self.clone(),
            resource,
            usage,
            amount,
        })
    }

    fn add(&self, resource: Resource, usage: Usage, amount: u64) -> Result<(), QuotaError> {
        let mut account = self.0.account();
        let (used, limit) = (account.used(resource), account.limits.of(resource));
        if used.checked_add(amount).is_none_or(|sum| sum > limit) {
            return Err(QuotaError {
                owner: self.0.name.clone(),
                resource,
                asked: amount,
                used,
                limit,
            });
        }
        account.used[resource as usize][usage as usize] += amount;
        Ok(())
    }

    fn subtract(&self, resource: Resource, usage: Usage, amount: u64) {
        let used = &mut self.0.account().used[resource as usize][usage as usize];
        // It was added when the charge was made.
        *used = used.saturating_sub(amount);
    }

    /// Its figures.
    pub fn figures(&self) -> OwnerFigures {
        let account = self.0.account();
        let mut used = Vec::new();
        for resource in Resource::ALL {
            for usage in Usage::ALL {
                let amount = account.used[resource as usize][usage as usize];
                if amount > 0 {
                    used.push((resource, usage, amount));
                }
            }
        }
        let name = self.0.name.clone();
        OwnerFigures { name, used }
    }
}

/// What an owner has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerFigures {
    /// Its name.
    pub name: String,
    /// How much of what, for what; without what is 0.
    pub used: Vec<(Resource, Usage, u64)>,
}

/// What is charged to an owner while this lives.
#[derive(Debug)]
pub struct Charge {
    owner: Owner,
    resource: Resource,
    usage: Usage,
    amount: u64,
}

impl Charge {
    /// Who pays.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// How much.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Makes it another amount.
    ///
    /// # Errors
    /// When that is more and the owner's limit does not allow it; then nothing changes.
    pub fn resize(&mut self, amount: u64) -> Result<(), QuotaError> {
        match amount.checked_sub(self.amount) {
            Some(more) => self.owner.add(self.resource, self.usage, more)?,
            None => {
                let less = self.amount - amount;
                self.owner.subtract(self.resource, self.usage, less);
            }
        }
        self.amount = amount;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.owner.subtract(self.resource, self.usage, self.amount);
    }
}

/// The owners of one GPU.
#[derive(Debug, Default)]
pub(crate) struct Owners(Mutex<Vec<Weak<Inner>>>);

impl Owners {
    /// A new owner.
    pub(crate) fn add(&self, name: &str, limits: Limits) -> Owner {
        let account = Account {
            limits,
            used: Default::default(),
        };
        let inner = Arc::new(Inner {
            name: name.into(),
            account: Mutex::new(account),
        });
        let mut owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|owner| owner.strong_count() > 0);
        owners.push(Arc::downgrade(&inner));
        Owner(inner)
    }

    /// Every owner that there is.
    pub(crate) fn all(&self) -> Vec<Owner> {
        let owners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owners.iter().filter_map(Weak::upgrade).map(Owner).collect()
    }
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;
