// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `page`, `uaccess`. The process that loads the module lends some of its address space.

use crate::test::TestResult;
use kernel_abi::{
    alloc::{flags::GFP_KERNEL, KVec},
    bindings,
    error::{
        code::{EFAULT, EINVAL},
        from_err_ptr, Result,
    },
    page::{page_align, Page, SharedPage, PAGE_MASK, PAGE_SHIFT, PAGE_SIZE},
    uaccess::{UserPtr, UserSlice},
};

/// A page of the process's memory, with a hole behind it.
struct Lent(usize);

impl Lent {
    fn new() -> Result<Self> {
        let (protection, flags) = (0x1 | 0x2, 0x2 | 0x20); // read, write; private, anonymous
                                                           // SAFETY: a new mapping at an address of the kernel's choice.
        let address = unsafe {
            bindings::vm_mmap(
                core::ptr::null_mut(),
                0,
                2 * PAGE_SIZE as u64,
                protection,
                flags,
                0,
            )
        };
        let address =
            from_err_ptr(core::ptr::without_provenance_mut::<u8>(address as usize))?.addr();
        // SAFETY: the second half of that mapping.
        unsafe { bindings::vm_munmap((address + PAGE_SIZE) as u64, PAGE_SIZE) };
        Ok(Self(address))
    }

    fn slice(&self, offset: usize, len: usize) -> UserSlice {
        UserSlice::new(UserPtr::from_addr(self.0 + offset), len)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`.
        unsafe { bindings::vm_munmap(self.0 as u64, PAGE_SIZE) };
    }
}

fn bytes_go_to_a_process_and_back() -> TestResult {
    let lent = Lent::new()?;
    let (mut reader, mut writer) = lent.slice(8, 6).reader_writer();
    check_eq!((writer.len(), reader.len()), (6, 6));
    writer.write_slice(b"abcd")?;
    check_eq!(writer.len(), 2);
    writer.write_slice(b"ef")?;
    check!(writer.is_empty());
    check_eq!(writer.write_slice(b"g"), Err(EFAULT));

    let mut two = [0; 2];
    reader.read_slice(&mut two)?;
    check_eq!(&two, b"ab");
    reader.skip(2)?;
    reader.read_slice(&mut two)?;
    check_eq!(&two, b"ef");
    check!(reader.is_empty());
    check_eq!(reader.read_slice(&mut two), Err(EFAULT));
    check_eq!(reader.skip(1), Err(EFAULT));

    let mut all = KVec::new();
    all.push(b'-', GFP_KERNEL)?;
    lent.slice(8, 6).read_all(&mut all, GFP_KERNEL)?;
    check_eq!(&all[..], b"-abcdef");
    lent.slice(12, 2).reader().read_all(&mut all, GFP_KERNEL)?;
    check_eq!(&all[..], b"-abcdefef");
    Ok(())
}

fn what_is_not_the_process_s_is_a_fault() -> TestResult {
    let lent = Lent::new()?;
    let mut four = [0; 4];
    // Over the end of the mapping.
    check_eq!(
        lent.slice(PAGE_SIZE - 2, 4).reader().read_slice(&mut four),
        Err(EFAULT)
    );
    check_eq!(
        lent.slice(PAGE_SIZE - 2, 4).writer().write_slice(&four),
        Err(EFAULT)
    );
    let mut all = KVec::new();
    check_eq!(
        lent.slice(PAGE_SIZE, 4).read_all(&mut all, GFP_KERNEL),
        Err(EFAULT)
    );
    check!(all.is_empty());
    // The kernel's own memory, and addresses that wrap.
    let own = UserPtr::from_ptr((&raw mut four).cast());
    check_eq!(
        UserSlice::new(own, 4).writer().write_slice(&[1; 4]),
        Err(EFAULT)
    );
    check_eq!(four, [0; 4]);
    let last = UserPtr::from_addr(usize::MAX).wrapping_byte_add(0);
    check!(last.as_const_ptr().addr() == usize::MAX && last.as_mut_ptr().addr() == usize::MAX);
    check_eq!(
        UserSlice::new(last, 4).reader().read_slice(&mut four),
        Err(EFAULT)
    );
    Ok(())
}

fn pages_hold_what_is_written() -> TestResult {
    let mut page = Page::alloc_page(GFP_KERNEL)?;
    page.fill_zero(0, PAGE_SIZE)?;
    page.write(PAGE_SIZE - 3, b"end")?;
    let mut bytes = [1; 5];
    page.read(PAGE_SIZE - 5, &mut bytes)?;
    check_eq!(&bytes, b"\0\0end");
    check_eq!(page.write(PAGE_SIZE - 2, b"end"), Err(EINVAL));
    check_eq!(page.read(usize::MAX, &mut bytes), Err(EINVAL));
    check_eq!(page.fill_zero(1, PAGE_SIZE), Err(EINVAL));
    check!(!page.as_ptr().is_null());
    check_eq!(page.phys() as usize & !PAGE_MASK, 0);
    Ok(())
}

fn words_of_a_shared_page_are_atomic() -> TestResult {
    use core::sync::atomic::Ordering::Relaxed;
    let page = SharedPage::new()?;
    let last = some!(page.word(SharedPage::WORDS - 1));
    check_eq!(last.load(Relaxed), 0);
    last.store(7, Relaxed);
    check_eq!(some!(page.word(SharedPage::WORDS - 1)).load(Relaxed), 7);
    check_eq!(some!(page.word(SharedPage::WORDS - 2)).load(Relaxed), 0);
    check!(page.word(SharedPage::WORDS).is_none());
    check_eq!(page.phys() as usize & !PAGE_MASK, 0);
    Ok(())
}

fn sizes_are_rounded_up_to_pages() -> TestResult {
    check_eq!(PAGE_SIZE, 1 << PAGE_SHIFT);
    check_eq!(page_align(0), Some(0));
    check_eq!(page_align(1), Some(PAGE_SIZE));
    check_eq!(page_align(PAGE_SIZE), Some(PAGE_SIZE));
    check_eq!(page_align(usize::MAX), None);
    Ok(())
}

selftests! {
    bytes_go_to_a_process_and_back => [
        kernel_abi::uaccess::UserPtr, kernel_abi::uaccess::UserPtr::from_addr, kernel_abi::uaccess::UserSlice,
        kernel_abi::uaccess::UserSlice::new, kernel_abi::uaccess::UserSlice::reader,
        kernel_abi::uaccess::UserSlice::writer, kernel_abi::uaccess::UserSlice::reader_writer,
        kernel_abi::uaccess::UserSlice::read_all, kernel_abi::uaccess::UserSliceReader,
        kernel_abi::uaccess::UserSliceReader::len, kernel_abi::uaccess::UserSliceReader::is_empty,
        kernel_abi::uaccess::UserSliceReader::skip, kernel_abi::uaccess::UserSliceReader::read_slice,
        kernel_abi::uaccess::UserSliceReader::read_all, kernel_abi::uaccess::UserSliceWriter,
        kernel_abi::uaccess::UserSliceWriter::len, kernel_abi::uaccess::UserSliceWriter::is_empty,
        kernel_abi::uaccess::UserSliceWriter::write_slice,
    ];
    what_is_not_the_process_s_is_a_fault => [
        kernel_abi::uaccess::UserPtr::from_ptr, kernel_abi::uaccess::UserPtr::as_const_ptr,
        kernel_abi::uaccess::UserPtr::as_mut_ptr, kernel_abi::uaccess::UserPtr::wrapping_byte_add,
    ];
    pages_hold_what_is_written => [
        kernel_abi::page::Page, kernel_abi::page::Page::alloc_page, kernel_abi::page::Page::as_ptr,
        kernel_abi::page::Page::phys, kernel_abi::page::Page::read, kernel_abi::page::Page::write,
        kernel_abi::page::Page::fill_zero,
    ];
    words_of_a_shared_page_are_atomic => [
        kernel_abi::page::SharedPage, kernel_abi::page::SharedPage::new, kernel_abi::page::SharedPage::phys,
        kernel_abi::page::SharedPage::word, kernel_abi::page::SharedPage::WORDS,
    ];
    sizes_are_rounded_up_to_pages => [
        kernel_abi::page::PAGE_SIZE, kernel_abi::page::PAGE_SHIFT, kernel_abi::page::PAGE_MASK,
        kernel_abi::page::page_align,
    ];
}
