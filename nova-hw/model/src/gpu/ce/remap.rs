// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Remapping: elements of one to four components, each of which comes from the source, is a
//! constant, or is left as it was.

use nova_spec::ce::RemapComponents;

/// Most bytes of an element: four components of four bytes.
pub(crate) const MAX_ELEMENT: usize = 16;

/// Where a component comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Component {
    Source(usize),
    Constant(u32),
    Kept,
}

/// How elements are rearranged.
#[derive(Clone, Debug)]
pub(crate) struct Remap {
    components: Vec<Component>,
    /// Bytes of a component.
    size: usize,
    /// Components of an element of the source.
    source: usize,
}

impl Remap {
    pub(crate) fn new(
        components: RemapComponents,
        constants: [u32; 2],
    ) -> Result<Self, &'static str> {
        let source = usize::from(components.num_src_components().value()) + 1;
        let count = usize::from(components.num_dst_components().value()) + 1;
        let selected = [
            components.dst_x(),
            components.dst_y(),
            components.dst_z(),
            components.dst_w(),
        ];
        let component = |selector: u8| match selector {
            0..=3 if usize::from(selector) < source => Ok(Component::Source(selector.into())),
            4 => Ok(Component::Constant(constants[0])),
            5 => Ok(Component::Constant(constants[1])),
            6 => Ok(Component::Kept),
            _ => Err("a component that the source does not have"),
        };
        let selected = selected.iter().take(count);
        Ok(Self {
            components: selected
                .map(|selector| component(selector.value()))
                .collect::<Result<_, _>>()?,
            size: usize::from(components.component_size().value()) + 1,
            source,
        })
    }

    /// Whether the source is looked at.
    pub(crate) fn reads_source(&self) -> bool {
        self.has(|component| matches!(component, Component::Source(_)))
    }

    /// Whether the destination's old content is.
    pub(crate) fn reads_destination(&self) -> bool {
        self.has(|component| matches!(component, Component::Kept))
    }

    /// The bytes of every element, where they are all the same.
    pub(crate) fn pattern(&self) -> Option<Vec<u8>> {
        if self.reads_source() || self.reads_destination() {
            return None;
        }
        let mut element = vec![0; self.destination_element()];
        self.apply(&[], &mut element);
        Some(element)
    }

    /// Bytes of an element of the source.
    pub(crate) fn source_element(&self) -> usize {
        self.source * self.size
    }

    /// Bytes of an element of the destination.
    pub(crate) fn destination_element(&self) -> usize {
        self.components.len() * self.size
    }

    /// Rearranges whole elements into `destination`, which has the old content.
    pub(crate) fn apply(&self, source: &[u8], destination: &mut [u8]) {
        let elements = destination.chunks_exact_mut(self.destination_element());
        for (index, element) in elements.enumerate() {
            let from = index * self.source_element();
            for (component, bytes) in self.components.iter().zip(element.chunks_mut(self.size)) {
                match component {
                    Component::Kept => {}
                    Component::Constant(value) => {
                        bytes.copy_from_slice(&value.to_le_bytes()[..self.size]);
                    }
                    Component::Source(which) => {
                        let at = from + which * self.size;
                        if let Some(part) = source.get(at..at + self.size) {
                            bytes.copy_from_slice(part);
                        }
                    }
                }
            }
        }
    }

    fn has(&self, is: impl Fn(&Component) -> bool) -> bool {
        self.components.iter().any(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_rearranged_filled_and_kept() {
        // Two components of two bytes in, three out: the second, constant B, and none.
        let raw = 0x1 | 5 << 4 | 6 << 8 | 1 << 16 | 1 << 20 | 2 << 24;
        let components = RemapComponents::new_with_raw_value(raw);
        let remap = Remap::new(components, [0, 0x1122_3344]).unwrap();
        assert!(remap.reads_source() && remap.reads_destination());
        assert_eq!(
            (remap.source_element(), remap.destination_element()),
            (4, 6)
        );
        let mut out = [9; 12];
        remap.apply(&[1, 2, 3, 4, 5, 6, 7, 8], &mut out);
        assert_eq!(out, [3, 4, 0x44, 0x33, 9, 9, 7, 8, 0x44, 0x33, 9, 9]);
        assert_eq!(remap.pattern(), None);
    }

    #[test]
    fn constants_alone_are_a_pattern() {
        let components = RemapComponents::fill(3).unwrap();
        let remap = Remap::new(components, [0x0403_0201, 0]).unwrap();
        assert_eq!(remap.pattern(), Some(vec![1, 2, 3]));
        let missing = RemapComponents::new_with_raw_value(1);
        assert!(Remap::new(missing, [0; 2]).is_err());
        let unknown = RemapComponents::new_with_raw_value(7);
        assert!(Remap::new(unknown, [0; 2]).is_err());
    }
}
