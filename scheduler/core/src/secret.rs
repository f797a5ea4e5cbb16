//! A secret that no text shows by accident. Draws nothing from it.

/// Bytes that `Debug` hides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl std::ops::Deref for Secret {
    type Target = [u8; 32];

    fn deref(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_configuration_does_not_show_its_secret() {
        let config = crate::Config::new([0xab; 32]);
        let shown = format!("{config:?} {config:#?}");
        assert!(shown.contains("Secret(…)"), "{shown}");
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("abab"), "{shown}");
    }
}
