//! Arrays in pages: how many records a page takes and where a section is cut, as `pages.wgsl` reads them. Knows no device.

use bytemuck::{Pod, Zeroable};

/// log2 of the records in a page, by the bytes of a record; the four words of `Params` in `scene.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct PageShifts {
    pub page_shift_64: u32,
    pub page_shift_48: u32,
    pub page_shift_16: u32,
    pub page_shift_4: u32,
}

impl PageShifts {
    /// Everything is in page 0.
    pub const ONE_PAGE: PageShifts =
        PageShifts { page_shift_64: 31, page_shift_48: 31, page_shift_16: 31, page_shift_4: 31 };

    /// The largest pages of whole records, 2^n of them, within so many bytes (64 at least).
    pub fn within(page_bytes_max: u64) -> PageShifts {
        let shift = |record_bytes: u64| (page_bytes_max / record_bytes).max(1).ilog2().min(31);
        PageShifts {
            page_shift_64: shift(64),
            page_shift_48: shift(48),
            page_shift_16: shift(16),
            page_shift_4: shift(4),
        }
    }

    fn page_bytes(&self, record: PagedRecord) -> u64 {
        match record {
            PagedRecord::Bytes64 => 64 << self.page_shift_64,
            PagedRecord::Bytes48 => 48 << self.page_shift_48,
            PagedRecord::Bytes16 => 16 << self.page_shift_16,
            PagedRecord::Bytes4 => 4 << self.page_shift_4,
        }
    }
}

/// The bytes of a record of a paged array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagedRecord {
    Bytes64,
    Bytes48,
    Bytes16,
    Bytes4,
}

/// How a section is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// One binding that holds it whole.
    Whole,
    /// A first page and so many further ones.
    Pages { record: PagedRecord, further: usize },
}

/// A section of a scene on its way to a device.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    pub name: &'static str,
    pub bytes: &'a [u8],
    pub binding: Binding,
}

impl<'a> Section<'a> {
    /// Most bytes that can be bound of it where a binding takes `binding_bytes_max`.
    pub fn bytes_max(&self, shifts: &PageShifts, binding_bytes_max: u64) -> u64 {
        match self.binding {
            Binding::Whole => binding_bytes_max,
            Binding::Pages { record, further } => shifts.page_bytes(record) * (1 + further as u64),
        }
    }

    /// Pages beyond the first.
    fn further(&self) -> usize {
        match self.binding {
            Binding::Whole => 0,
            Binding::Pages { further, .. } => further,
        }
    }

    /// It takes more than one page.
    pub fn is_cut(&self, shifts: &PageShifts) -> bool {
        matches!(self.binding, Binding::Pages { record, .. } if self.bytes.len() as u64 > shifts.page_bytes(record))
    }

    /// The first page, everything where nothing is cut.
    pub fn first_page(&self, shifts: &PageShifts) -> &'a [u8] {
        self.page(shifts, 0)
    }

    fn page(&self, shifts: &PageShifts, at: usize) -> &'a [u8] {
        let Binding::Pages { record, .. } = self.binding else { return self.bytes };
        let size = usize::try_from(shifts.page_bytes(record)).unwrap_or(usize::MAX);
        self.bytes.chunks(size).nth(at).unwrap_or_default()
    }
}

/// Names and bytes of all further pages, in the order of their bindings. Sections are no larger than [`Section::bytes_max`].
pub fn further_pages<'a>(sections: &[Section<'a>], shifts: &PageShifts) -> Vec<(&'static str, &'a [u8])> {
    let pages = |section: &Section<'a>| {
        let (section, count) = (*section, section.further());
        (1..=count).map(move |at| (section.name, section.page(shifts, at)))
    };
    sections.iter().flat_map(pages).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_whole_records_and_fit() {
        for bytes in [64, 100, 1 << 20, (1 << 27) - 1, 1 << 27, (1 << 31) - 1, u64::MAX] {
            let shifts = PageShifts::within(bytes);
            for record in
                [PagedRecord::Bytes64, PagedRecord::Bytes48, PagedRecord::Bytes16, PagedRecord::Bytes4]
            {
                assert!(shifts.page_bytes(record) <= bytes, "{bytes} {record:?}");
            }
        }
        let shifts = PageShifts::within(1 << 27);
        let PageShifts { page_shift_64, page_shift_48, page_shift_16, page_shift_4 } = shifts;
        assert_eq!([page_shift_64, page_shift_48, page_shift_16, page_shift_4], [21, 21, 23, 25]);
    }

    #[test]
    fn a_section_is_cut_without_loss_and_the_rest_of_its_pages_are_empty() {
        let bytes: Vec<u8> = (0..48 * 9).map(|i| i as u8).collect();
        let paged = Binding::Pages { record: PagedRecord::Bytes48, further: 3 };
        let sections = [
            Section { name: "a", bytes: &bytes, binding: paged },
            Section { name: "b", bytes: &bytes, binding: Binding::Whole },
        ];
        let shifts = PageShifts::within(48 * 4);
        assert_eq!(sections[0].bytes_max(&shifts, 192), 48 * 4 * 4);
        assert_eq!(sections[1].bytes_max(&shifts, 192), 192);
        assert!(sections[0].is_cut(&shifts) && !sections[1].is_cut(&shifts));
        let further = further_pages(&sections, &shifts);
        let lengths: Vec<_> = further.iter().map(|(name, bytes)| (*name, bytes.len())).collect();
        assert_eq!(lengths, [("a", 192), ("a", 48), ("a", 0)]);
        let joined = [sections[0].first_page(&shifts), further[0].1, further[1].1].concat();
        assert_eq!(joined, bytes);
    }
}
