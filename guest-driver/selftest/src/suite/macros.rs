// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `#[vtable]`, `print`

use crate::test::TestResult;
use kernel_abi::{
    pr_alert, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice, pr_warn,
    print::{print_line, Level},
    vtable,
};

#[vtable]
trait Operations {
    fn open() -> u32 {
        0
    }

    fn close() -> u32 {
        0
    }
}

struct Half;

#[vtable]
impl Operations for Half {
    fn open() -> u32 {
        1
    }
}

fn a_table_knows_what_is_there() -> TestResult {
    check!(Half::HAS_OPEN);
    check!(!Half::HAS_CLOSE);
    check_eq!((Half::open(), Half::close()), (1, 0));
    Ok(())
}

/// What a line looks like in the log is checked by the guest program, which reads these.
fn lines_of_every_level_are_printed() -> TestResult {
    pr_debug!("# level {}\n", Level::Debug as u8);
    pr_info!("# level {}", Level::Info as u8);
    pr_notice!("# level {}\n", Level::Notice as u8);
    pr_warn!("# level {}\n", Level::Warning as u8);
    pr_err!("# level {}\n", Level::Err as u8);
    pr_crit!("# level {}\n", Level::Crit as u8);
    pr_alert!("# level {}\n", Level::Alert as u8);
    pr_emerg!("# level {}\n", Level::Emerg as u8);
    let long = [b'x'; 300];
    let long = core::str::from_utf8(&long).unwrap_or("");
    print_line(Level::Info, crate::__LOG_PREFIX, format_args!("# {long}"));
    // A prefix without its zero is none.
    print_line(Level::Info, b"prefix", format_args!("no prefix"));
    Ok(())
}

selftests! {
    a_table_knows_what_is_there => [kernel_abi::vtable];
    lines_of_every_level_are_printed => [
        kernel_abi::print::print_line, kernel_abi::print::Level, kernel_abi::pr_debug, kernel_abi::pr_info,
        kernel_abi::pr_notice, kernel_abi::pr_warn, kernel_abi::pr_err, kernel_abi::pr_crit, kernel_abi::pr_alert,
        kernel_abi::pr_emerg,
    ];
}
