// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `security`, `cred`, `fs`: what only a kernel may ask.

use crate::test::TestResult;
use core::ptr;
use kernel_abi::{
    cred::Credential,
    current,
    error::code::{EBADF, EINVAL, EOPNOTSUPP},
    fs::File,
    security::{
        binder_set_context_mgr, binder_transaction, binder_transfer_binder, binder_transfer_file,
        SecurityCtx,
    },
};

/// The loader's descriptors 0 to 2 are open.
fn files_are_found_by_their_descriptor() -> TestResult {
    let file = File::fget(1)?;
    let again = File::fget(1)?;
    check!(ptr::eq(file.as_ptr(), again.as_ptr()));
    // SAFETY: counted.
    let same = unsafe { File::from_raw_file(file.as_ptr()) };
    check_eq!(same.flags(), again.flags());
    check!(file.cred().euid() == current!().euid());
    check_eq!(File::fget(u32::MAX).err(), Some(EBADF));
    Ok(())
}

fn contexts_have_names_where_a_module_gives_them() -> TestResult {
    let cred = current!().get_cred();
    let secid = cred.get_secid();
    match SecurityCtx::from_secid(secid) {
        Ok(context) => {
            check!(secid != 0);
            check!(!context.is_empty());
            check_eq!(context.as_bytes().len(), context.len());
            check!(context.as_bytes().iter().all(u8::is_ascii));
        }
        // No module, or one without names or without a number for this task.
        Err(error) => {
            check!(error == EOPNOTSUPP || error == EINVAL);
            check_eq!(secid, 0);
        }
    }
    Ok(())
}

/// No module that is on by default forbids root's own binder calls.
fn binder_asks_before_it_acts() -> TestResult {
    let cred = current!().get_cred();
    // SAFETY: counted.
    let other = unsafe { Credential::from_ptr(cred.as_ptr()) };
    binder_set_context_mgr(&cred)?;
    binder_transaction(&cred, other)?;
    binder_transfer_binder(&cred, other)?;
    binder_transfer_file(&cred, other, &*File::fget(1)?)?;
    Ok(())
}

selftests! {
    files_are_found_by_their_descriptor => [
        kernel_abi::fs::File, kernel_abi::fs::File::fget, kernel_abi::fs::File::from_raw_file,
        kernel_abi::fs::File::as_ptr, kernel_abi::fs::File::cred, kernel_abi::fs::File::flags,
    ];
    contexts_have_names_where_a_module_gives_them => [
        kernel_abi::cred::Credential::get_secid, kernel_abi::security::SecurityCtx,
        kernel_abi::security::SecurityCtx::from_secid, kernel_abi::security::SecurityCtx::len,
        kernel_abi::security::SecurityCtx::is_empty, kernel_abi::security::SecurityCtx::as_bytes,
    ];
    binder_asks_before_it_acts => [
        kernel_abi::security::binder_set_context_mgr, kernel_abi::security::binder_transaction,
        kernel_abi::security::binder_transfer_binder, kernel_abi::security::binder_transfer_file,
        kernel_abi::cred::Credential::from_ptr, kernel_abi::cred::Credential::as_ptr,
    ];
}
