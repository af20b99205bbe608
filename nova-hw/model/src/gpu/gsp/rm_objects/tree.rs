// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Clients and what they own. An object goes with its parent, and with what it was made to use.

use std::collections::{BTreeMap, BTreeSet};

use nova_spec::rm::NvStatus;

use super::{channel::Channel, event::Event, scheduling::Group, vaspace::VaSpace};

/// Most clients.
pub(super) const MAX_CLIENTS: usize = 256;
/// Most objects of all clients, which are objects too.
pub(super) const MAX_OBJECTS: usize = 16384;

/// What an object is.
#[derive(Debug)]
pub(super) enum Kind {
    Client,
    Device,
    Subdevice,
    VaSpace(VaSpace),
    Group(Group),
    /// A context of a group; its address space is what it uses.
    ContextShare,
    Channel(Box<Channel>),
    /// A copy engine in a channel.
    CopyEngine,
    Usermode,
    Event(Event),
}

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) parent: u32,
    /// Another object of the same client, without which there is not this one.
    pub(super) uses: Option<u32>,
    pub(super) kind: Kind,
}

/// An object's address: client and handle.
pub(super) type Address = (u32, u32);

/// All clients.
///
/// # Invariants
/// An object's parent is there, but for clients, which have none. `count` is the number of
/// objects.
#[derive(Debug, Default)]
pub(super) struct Tree {
    clients: BTreeMap<u32, BTreeMap<u32, Object>>,
    count: usize,
}

impl Tree {
    /// Makes a client.
    pub(super) fn add_client(&mut self, client: u32) -> Result<(), NvStatus> {
        if client == 0 {
            return Err(NvStatus::NV_ERR_INVALID_CLIENT);
        }
        if self.clients.contains_key(&client) {
            return Err(NvStatus::NV_ERR_INSERT_DUPLICATE_NAME);
        }
        if self.clients.len() >= MAX_CLIENTS || self.count >= MAX_OBJECTS {
            return Err(NvStatus::NV_ERR_INSUFFICIENT_RESOURCES);
        }
        let root = Object {
            parent: 0,
            uses: None,
            kind: Kind::Client,
        };
        self.clients
            .insert(client, BTreeMap::from([(client, root)]));
        self.count += 1;
        Ok(())
    }

    /// Whether an object with that handle and parent can be added.
    pub(super) fn check_new(&self, client: u32, handle: u32, parent: u32) -> Result<(), NvStatus> {
        let objects = self.objects(client)?;
        if !objects.contains_key(&parent) {
            return Err(NvStatus::NV_ERR_INVALID_OBJECT_PARENT);
        }
        if handle == 0 {
            return Err(NvStatus::NV_ERR_INVALID_OBJECT_HANDLE);
        }
        if objects.contains_key(&handle) {
            return Err(NvStatus::NV_ERR_INSERT_DUPLICATE_NAME);
        }
        if self.count >= MAX_OBJECTS {
            return Err(NvStatus::NV_ERR_INSUFFICIENT_RESOURCES);
        }
        Ok(())
    }

    /// Adds an object.
    pub(super) fn add(&mut self, client: u32, handle: u32, object: Object) -> Result<(), NvStatus> {
        self.check_new(client, handle, object.parent)?;
        let objects = self.clients.get_mut(&client);
        let objects = objects.ok_or(NvStatus::NV_ERR_INVALID_CLIENT)?;
        // INVARIANT: the parent is there.
        objects.insert(handle, object);
        self.count += 1;
        Ok(())
    }

    /// Takes an object away, and what goes with it; those that use others come before them.
    pub(super) fn remove(&mut self, client: u32, handle: u32) -> Result<Vec<Object>, NvStatus> {
        let objects = self.clients.get_mut(&client);
        let objects = objects.ok_or(NvStatus::NV_ERR_INVALID_CLIENT)?;
        if !objects.contains_key(&handle) {
            return Err(NvStatus::NV_ERR_OBJECT_NOT_FOUND);
        }
        let mut order = vec![handle];
        let mut going = BTreeSet::from([handle]);
        loop {
            let goes = |object: &Object| {
                going.contains(&object.parent) || object.uses.is_some_and(|u| going.contains(&u))
            };
            let with: Vec<u32> = objects
                .iter()
                .filter(|(handle, object)| !going.contains(handle) && goes(object))
                .map(|(handle, _)| *handle)
                .collect();
            if with.is_empty() {
                break;
            }
            going.extend(&with);
            order.extend(with);
        }
        // INVARIANT: whatever has one of these for its parent is one of them.
        let removed: Vec<_> = order
            .iter()
            .rev()
            .filter_map(|h| objects.remove(h))
            .collect();
        self.count = self.count.saturating_sub(removed.len());
        if objects.is_empty() {
            self.clients.remove(&client);
        }
        Ok(removed)
    }

    pub(super) fn get(&self, client: u32, handle: u32) -> Result<&Object, NvStatus> {
        let object = self.objects(client)?.get(&handle);
        object.ok_or(NvStatus::NV_ERR_OBJECT_NOT_FOUND)
    }

    pub(super) fn get_mut(&mut self, client: u32, handle: u32) -> Result<&mut Object, NvStatus> {
        let objects = self.clients.get_mut(&client);
        let objects = objects.ok_or(NvStatus::NV_ERR_INVALID_CLIENT)?;
        let object = objects.get_mut(&handle);
        object.ok_or(NvStatus::NV_ERR_OBJECT_NOT_FOUND)
    }

    /// The objects of a client.
    pub(super) fn objects(&self, client: u32) -> Result<&BTreeMap<u32, Object>, NvStatus> {
        let objects = self.clients.get(&client);
        objects.ok_or(NvStatus::NV_ERR_INVALID_CLIENT)
    }

    /// Every object.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Address, &Object)> {
        self.clients.iter().flat_map(|(client, objects)| {
            objects
                .iter()
                .map(|(handle, object)| ((*client, *handle), object))
        })
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(parent: u32, uses: Option<u32>) -> Object {
        Object {
            parent,
            uses,
            kind: Kind::Device,
        }
    }

    #[test]
    fn what_belongs_to_an_object_goes_with_it() {
        let mut tree = Tree::default();
        tree.add_client(1).unwrap();
        tree.add(1, 2, device(1, None)).unwrap();
        tree.add(1, 3, device(2, None)).unwrap();
        tree.add(1, 4, device(1, None)).unwrap();
        tree.add(1, 5, device(4, Some(3))).unwrap();
        assert_eq!(tree.count(), 5);
        let gone = tree.remove(1, 2).unwrap();
        // The user first, then the used, then its parent.
        let parents: Vec<_> = gone.iter().map(|object| object.parent).collect();
        assert_eq!(parents, [4, 2, 1]);
        assert_eq!(
            tree.remove(1, 2).unwrap_err(),
            NvStatus::NV_ERR_OBJECT_NOT_FOUND
        );
        assert_eq!(tree.remove(1, 1).unwrap().len(), 2);
        assert_eq!(
            tree.remove(1, 1).unwrap_err(),
            NvStatus::NV_ERR_INVALID_CLIENT
        );
        assert_eq!(tree.count(), 0);
    }

    #[test]
    fn handles_are_checked_and_numbers_bounded() {
        let mut tree = Tree::default();
        assert_eq!(tree.add_client(0), Err(NvStatus::NV_ERR_INVALID_CLIENT));
        tree.add_client(1).unwrap();
        let again = Err(NvStatus::NV_ERR_INSERT_DUPLICATE_NAME);
        assert_eq!(tree.add_client(1), again);
        assert_eq!(tree.add(1, 1, device(1, None)), again);
        let error = |tree: &Tree, client, handle, parent| tree.check_new(client, handle, parent);
        assert_eq!(error(&tree, 2, 2, 1), Err(NvStatus::NV_ERR_INVALID_CLIENT));
        let no_parent = Err(NvStatus::NV_ERR_INVALID_OBJECT_PARENT);
        assert_eq!(error(&tree, 1, 2, 7), no_parent);
        let no_handle = Err(NvStatus::NV_ERR_INVALID_OBJECT_HANDLE);
        assert_eq!(error(&tree, 1, 0, 1), no_handle);
        let full = Err(NvStatus::NV_ERR_INSUFFICIENT_RESOURCES);
        for client in 2..=MAX_CLIENTS as u32 {
            tree.add_client(client).unwrap();
        }
        assert_eq!(tree.add_client(1000), full);
        for handle in 2..=(MAX_OBJECTS - MAX_CLIENTS + 1) as u32 {
            tree.add(1, handle, device(1, None)).unwrap();
        }
        assert_eq!(tree.add(1, u32::MAX, device(1, None)), full);
    }
}
