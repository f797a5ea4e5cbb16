//! MTL libraries as they are written: numbers and maps by material. What they look like is decided elsewhere.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::super::error::ImportError;
use super::super::resources::fetch;
use super::{Problem, logical_lines, numbers};
use crate::label::quoted;
use crate::limits::ImportLimits;
use crate::notice::Notices;

/// A material as its library describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Described {
    pub diffuse: Option<[f64; 3]>,
    pub specular: Option<[f64; 3]>,
    pub emission: Option<[f64; 3]>,
    /// `Ns`, `Ni`, `d`, `illum`, `Pr`, `Pm` and the like by their names.
    pub numbers: BTreeMap<&'static str, f64>,
    /// Maps by their names in lower case.
    pub maps: BTreeMap<String, Map>,
}

/// A use of an image file.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Relative to the scene's folder, with `/` between folders.
    pub file: String,
    pub scale: [f64; 2],
    pub offset: [f64; 2],
    pub clamp: bool,
    /// `-bm`.
    pub strength: f64,
}

const NUMBERS: [&str; 11] = ["Ns", "Ni", "d", "Tr", "illum", "Pr", "Pm", "Ps", "Pc", "aniso", "Pcr"];
/// Options of maps that take so many words, none of which is a picture's.
const IGNORED_OPTIONS: [(&str, usize); 8] = [
    ("-blendu", 1),
    ("-blendv", 1),
    ("-boost", 1),
    ("-cc", 1),
    ("-imfchan", 1),
    ("-mm", 2),
    ("-texres", 1),
    ("-type", 1),
];

/// All materials of the libraries by name; of two with one name the first counts. A library that is not there is named in a
/// notice.
pub fn libraries(
    lines: &[String],
    folder: &Path,
    limits: &ImportLimits,
    notices: &mut Notices,
) -> Result<BTreeMap<String, Described>, ImportError> {
    let mut materials = BTreeMap::new();
    for line in lines {
        // Most writers name one file a line, blanks and all; the format allows several, apart by blanks.
        let several: Vec<&str> = line.split_ascii_whitespace().collect();
        let mut missing = None;
        for name in
            std::iter::once(line.as_str()).chain(several.iter().copied().filter(|_| several.len() > 1))
        {
            let place = format!("library {}", quoted(name));
            match fetch(folder, &uri(name), &place, limits) {
                Ok(bytes) => {
                    ImportError::check(&place, bytes.len() as u64, limits.json_bytes_max, "bytes")?;
                    read(&bytes, name, &place, &mut materials)?;
                    missing = None;
                    if name.len() == line.len() {
                        break;
                    }
                }
                Err(ImportError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => {
                    missing = Some(name);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(name) = missing {
            let effect = format!("{} is not there; its materials are shown as grey surfaces", quoted(name));
            notices.add("OBJ libraries", effect);
        }
    }
    Ok(materials)
}

/// A path as OBJ and MTL write it, as a URI that means the same file.
pub fn uri(path: &str) -> String {
    path.replace('%', "%25").replace('\\', "/")
}

/// Reads one library into `materials`.
fn read(
    bytes: &[u8],
    name: &str,
    place: &str,
    materials: &mut BTreeMap<String, Described>,
) -> Result<(), ImportError> {
    let name = name.replace('\\', "/");
    let beside = name.rsplit_once('/').map_or("", |(beside, _)| beside);
    let mut current: Option<(String, Described)> = None;
    for (number, line) in logical_lines(bytes) {
        let (word, rest) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
        if word == "newmtl" {
            let described = (rest.trim().to_owned(), Described::default());
            if let Some((name, described)) = current.replace(described) {
                materials.entry(name).or_insert(described);
            }
        } else if let Some((_, described)) = &mut current {
            described.line(word, rest.trim(), beside).map_err(|problem| match problem {
                Problem::Text(problem) => ImportError::malformed(format!("{place}, line {number}"), problem),
                Problem::Limit(error) => error,
            })?;
        }
    }
    if let Some((name, described)) = current {
        materials.entry(name).or_insert(described);
    }
    Ok(())
}

impl Described {
    fn line(&mut self, word: &str, rest: &str, beside: &str) -> Result<(), Problem> {
        let color = match word {
            "Kd" => Some(&mut self.diffuse),
            "Ks" => Some(&mut self.specular),
            "Ke" => Some(&mut self.emission),
            _ => None,
        };
        if let Some(color) = color {
            // One number stands for three; spectral files and CIE XYZ are not read.
            if !rest.starts_with("spectral") && !rest.starts_with("xyz") {
                let [r, g, b] = numbers::<3>(rest, &[f64::NAN; 2])?;
                *color = Some([r, g, b].map(|c| if c.is_nan() { r } else { c }));
            }
        } else if let Some(name) = NUMBERS.iter().find(|name| **name == word) {
            let rest = rest.strip_prefix("-halo").unwrap_or(rest);
            let [number] = numbers::<1>(rest, &[])?;
            self.numbers.insert(name, number);
        } else if is_map(word) {
            self.maps.insert(word.to_ascii_lowercase(), map(rest, beside)?);
        }
        Ok(())
    }
}

fn is_map(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.starts_with("map_") || matches!(word.as_str(), "bump" | "norm" | "disp" | "decal" | "refl")
}

/// Options, then the file's name, which may have blanks.
fn map(mut rest: &str, beside: &str) -> Result<Map, Problem> {
    let (scale, offset) = ([1.0; 2], [0.0; 2]);
    let mut map = Map { file: String::new(), scale, offset, clamp: false, strength: 1.0 };
    while rest.starts_with('-') {
        let (option, mut after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        match option {
            "-s" | "-o" | "-t" => {
                // One to three numbers, the last of which is depth.
                let mut values = Vec::new();
                while let Some((number, left)) = first_number(after).filter(|_| values.len() < 3) {
                    values.push(number);
                    after = left;
                }
                let target = if option == "-s" { &mut map.scale } else { &mut map.offset };
                if option != "-t" {
                    target.iter_mut().zip(values).for_each(|(target, value)| *target = value);
                }
            }
            "-clamp" => {
                let (word, left) = first_word(after);
                map.clamp = word == "on";
                after = left;
            }
            "-bm" => {
                let (word, left) = first_word(after);
                [map.strength] = numbers::<1>(word, &[])?;
                after = left;
            }
            _ => {
                let words = IGNORED_OPTIONS.iter().find(|(known, _)| *known == option);
                let Some((_, words)) = words else {
                    return Err(Problem::Text(format!("has the unknown option {}", quoted(option))));
                };
                for _ in 0..*words {
                    after = first_word(after).1;
                }
            }
        }
        rest = after.trim_start();
    }
    if rest.is_empty() {
        return Err(Problem::Text("names no file".into()));
    }
    map.file = if beside.is_empty() { rest.to_owned() } else { format!("{beside}/{rest}") };
    Ok(map)
}

fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once([' ', '\t']).unwrap_or((text, ""))
}

/// The number that a text starts with, where more text follows.
fn first_number(text: &str) -> Option<(f64, &str)> {
    let (word, rest) = first_word(text);
    let number: f64 = word.parse().ok()?;
    (number.is_finite() && !rest.trim().is_empty()).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> Result<Described, String> {
        let mut materials = BTreeMap::new();
        let text = format!("newmtl a\n{text}");
        let read = read(text.as_bytes(), "sub\\a.mtl", "library", &mut materials);
        read.map_err(|error| error.to_string())?;
        Ok(materials.remove("a").unwrap())
    }

    #[test]
    fn options_of_maps_and_names_with_blanks() {
        let maps = described("map_Kd -s 2 3 1 -o 0.5 -clamp on -mm 0 1 my tile.png\nmap_Bump -bm 0.25 7")
            .unwrap()
            .maps;
        let tile = &maps["map_kd"];
        assert_eq!(
            (tile.file.as_str(), tile.scale, tile.offset),
            ("sub/my tile.png", [2.0, 3.0], [0.5, 0.0])
        );
        assert!(tile.clamp);
        assert_eq!((maps["map_bump"].file.as_str(), maps["map_bump"].strength), ("sub/7", 0.25));
    }

    #[test]
    fn numbers_and_mistakes() {
        let read = described("Kd 0.5\nKs spectral a.rfl\nNs 10\nd -halo 0.5\nsomething else").unwrap();
        assert_eq!((read.diffuse, read.specular), (Some([0.5; 3]), None));
        assert_eq!((read.numbers["Ns"], read.numbers["d"]), (10.0, 0.5));
        for (text, error) in [
            ("Kd", "library, line 2: has 0 numbers where 3 are needed"),
            ("\nNs nan", "library, line 3: has the number \"nan\""),
            ("map_Kd -clamp on", "library, line 2: names no file"),
            ("map_Kd -x 1 a", "library, line 2: has the unknown option \"-x\""),
        ] {
            assert_eq!(described(text).unwrap_err(), error);
        }
    }
}
