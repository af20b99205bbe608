// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Who may call what (`drm_ioctl_permit()`).

use super::*;

fn open(bench: &Bench, minor: Minor, is_admin: bool) -> Pin<KBox<File<ToyFile>>> {
    File::open_minor(&bench.device, minor, is_admin).unwrap()
}

/// Which of the toy's ioctls a file may call.
fn allowed(file: &File<ToyFile>) -> [bool; 4] {
    [DOUBLE, AUTH, ROOT, MASTER].map(|cmd| match file.ioctl(cmd, &mut Double { value: 1 }) {
        Ok(_) => true,
        Err(EACCES) => false,
        Err(error) => panic!("{error}"),
    })
}

#[test]
fn the_render_node_has_what_is_allowed_there() {
    let bench = toy();
    let user = open(&bench, Minor::Render, false);
    assert_eq!(allowed(&user), [true, false, false, false]);
    let admin = open(&bench, Minor::Render, true);
    assert_eq!(allowed(&admin), [true, false, true, false]);
}

#[test]
fn the_first_on_the_primary_node_is_master_and_may_authenticate_others() {
    let bench = toy();
    let master = open(&bench, Minor::Primary, false);
    let second = open(&bench, Minor::Primary, false);
    assert!(master.is_master() && !second.is_master());
    assert_eq!(allowed(&master), [true, true, false, true]);
    assert_eq!(allowed(&second), [true, false, false, false]);
    assert_eq!(second.authenticate(&second), Err(EACCES));
    assert_eq!(master.authenticate(&second), Ok(()));
    assert_eq!(allowed(&second), [true, true, false, false]);
    let admin = open(&bench, Minor::Primary, true);
    assert_eq!(allowed(&admin), [true, true, true, false]);
    drop(master);
    let next = open(&bench, Minor::Primary, false);
    assert!(next.is_master() && !second.is_master());
}

#[test]
fn who_opens_a_render_node_is_not_master() {
    let bench = toy();
    let render = open(&bench, Minor::Render, true);
    assert!(!render.is_master() && render.is_authenticated());
    assert!(open(&bench, Minor::Primary, false).is_master());
}
