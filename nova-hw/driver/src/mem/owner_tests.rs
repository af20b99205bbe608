// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Limits hold for sums, and charges end with what they are for.

use super::*;

#[test]
fn a_limit_holds_for_the_sum_of_all_usages() {
    let owners = Owners::default();
    let owner = owners.add("a", Limits::UNLIMITED.with(Resource::Vram, 100));
    let first = owner.charge(Resource::Vram, Usage::Buffer, 60).unwrap();
    let second = owner.charge(Resource::Vram, Usage::PageTables, 40).unwrap();
    let error = owner.charge(Resource::Vram, Usage::Userd, 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a may have 100 bytes of VRAM, has 100 and wants 1 more"
    );
    let system = owner.charge(Resource::System, Usage::Ring, 1 << 40);
    drop(first);
    assert_eq!(owner.used(Resource::Vram), 40);
    assert_eq!(owner.used_for(Resource::Vram, Usage::PageTables), 40);
    assert!(owner.charge(Resource::Vram, Usage::Buffer, 61).is_err());
    assert_eq!(owner.figures().used.len(), 2);
    drop((second, system));
    assert_eq!(owner.figures().used, []);
}

#[test]
fn a_charge_changes_within_the_limit() {
    let limits = Limits::UNLIMITED.with(Resource::Mappings, 10);
    let owner = Owners::default().add("a", limits);
    let mut charge = owner.charge(Resource::Mappings, Usage::Count, 0).unwrap();
    charge.resize(10).unwrap();
    assert!(charge.resize(11).is_err());
    assert_eq!((charge.amount(), owner.used(Resource::Mappings)), (10, 10));
    charge.resize(3).unwrap();
    assert_eq!(owner.used(Resource::Mappings), 3);
    drop(charge);
    assert_eq!(owner.used(Resource::Mappings), 0);
}

#[test]
fn a_charge_that_would_wrap_is_refused() {
    let owner = Owners::default().add("a", Limits::UNLIMITED);
    let most = owner.charge(Resource::Vram, Usage::Buffer, u64::MAX);
    assert!(most.is_ok());
    assert!(owner.charge(Resource::Vram, Usage::Userd, 1).is_err());
}

#[test]
fn an_owner_is_known_while_it_lives_or_owes() {
    let owners = Owners::default();
    let owner = owners.add("a", Limits::UNLIMITED);
    let other = owners.add("a", Limits::UNLIMITED);
    assert_ne!(owner, other);
    let charge = owner.charge(Resource::Channels, Usage::Count, 1).unwrap();
    drop((owner, other));
    assert_eq!(owners.all().len(), 1);
    drop(charge);
    assert_eq!(owners.all().len(), 0);
}
