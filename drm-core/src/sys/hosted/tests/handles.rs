// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The table of handles against a map.

use super::{super::handles::Handles, std};
use proptest::prelude::*;
use std::{collections::BTreeMap, vec::Vec};

proptest! {
    #[test]
    fn handle_table_is_a_map(ops in proptest::collection::vec((any::<bool>(), 1u32..40), 0..200)) {
        let mut table = Handles::new();
        let mut model: BTreeMap<u32, usize> = BTreeMap::new();
        for (index, (insert, handle)) in ops.into_iter().enumerate() {
            if insert {
                let handle = table.insert(index).unwrap();
                prop_assert!(handle != 0);
                prop_assert_eq!(model.insert(handle, index), None);
            } else {
                prop_assert_eq!(table.remove(handle).ok(), model.remove(&handle));
            }
            prop_assert_eq!(table.len(), model.len());
            for handle in 0..45 {
                prop_assert_eq!(table.get(handle).ok(), model.get(&handle));
            }
        }
        let mut left: Vec<usize> = model.into_values().collect();
        while let Some(value) = table.pop() {
            let at = left.iter().position(|left| *left == value);
            prop_assert!(at.is_some());
            left.swap_remove(at.unwrap());
        }
        prop_assert!(left.is_empty());
        prop_assert_eq!(table.insert(0), Ok(1));
    }
}
