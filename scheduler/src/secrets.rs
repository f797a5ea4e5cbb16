//! The scheduler's random secrets, made at its first start: the tokens of its links and the core's seed. None is ever logged.

use std::path::Path;

use tessera_shared::digest::Digest;
use tessera_shared::messages::Token;
use tessera_transport::identity::write_secret;
use tessera_transport::link::Role;

/// File of the secrets in the data directory: artist token, worker token, core secret.
const SECRETS_FILE: &str = "secrets";
const SECRETS_BYTES: usize = 16 + 16 + 32;

/// What only the scheduler and those it gave a link know.
pub struct Secrets {
    artist: Token,
    worker: Token,
    wrangler: Token,
    /// Source of the core's random choices.
    pub core: [u8; 32],
}

impl Secrets {
    /// The secrets of a data directory, drawn at the first start with mode 0600.
    pub fn load_or_create(directory: &Path) -> std::io::Result<Secrets> {
        let path = directory.join(SECRETS_FILE);
        if !path.try_exists()? {
            let mut bytes = [0u8; SECRETS_BYTES];
            getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
            match write_secret(&path, &bytes) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        let bytes = std::fs::read(&path)?;
        let Ok(bytes) = <[u8; SECRETS_BYTES]>::try_from(bytes) else {
            let reason = "not 64 bytes long; move the file away and new links are made";
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!("{}: {reason}", path.display()),
            ));
        };
        let part = |at: usize| bytes[at..at + 16].try_into().expect("16 bytes");
        let core = bytes[32..].try_into().expect("32 bytes");
        Ok(Secrets { artist: Token(part(0)), worker: Token(part(16)), wrangler: wrangler(&core), core })
    }

    pub fn token(&self, role: Role) -> Token {
        match role {
            Role::Artist => self.artist,
            Role::Worker => self.worker,
            Role::Wrangler => self.wrangler,
        }
    }

    /// Compares in a time that does not depend on where the tokens differ.
    pub fn admits(&self, role: Role, token: &Token) -> bool {
        let expected = self.token(role);
        let differing = expected.0.iter().zip(token.0).fold(0u8, |bits, (a, b)| bits | (a ^ b));
        std::hint::black_box(differing) == 0
    }
}

/// The wrangler's token follows from the core's secret, so that the file of a farm that is older than the role stays as it is.
fn wrangler(core: &[u8; 32]) -> Token {
    let digest = Digest::keyed(core, b"tessera wrangler 1\0");
    Token(digest.0[..16].try_into().expect("16 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_outlive_the_process_and_roles_differ() {
        let directory = tempfile::tempdir().unwrap();
        let first = Secrets::load_or_create(directory.path()).unwrap();
        let second = Secrets::load_or_create(directory.path()).unwrap();
        assert_eq!(first.core, second.core);
        assert!(first.admits(Role::Artist, &second.token(Role::Artist)));
        for role in [Role::Worker, Role::Wrangler] {
            assert!(first.admits(role, &second.token(role)));
            assert!(!first.admits(Role::Artist, &second.token(role)));
            assert!(!first.admits(role, &second.token(Role::Artist)));
        }
        std::fs::write(directory.path().join(SECRETS_FILE), b"short").unwrap();
        assert!(Secrets::load_or_create(directory.path()).is_err());
    }
}
