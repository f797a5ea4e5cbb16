//! Tests of pages on a device: a scene in as many small pages as there are gives the pixels of the CPU.

use std::path::Path;
use std::sync::Arc;

use tessera_scenes::{ImportLimits, Shot, ShotKeys, compile};

use super::render::GpuBackend;
use super::upload::scene_sections;
use super::{GpuOptions, gpu_adapters};
use crate::backend::{Backend, BlockItem, FrameView};
use crate::pages::{Binding, PageShifts, Section, further_pages};
use crate::scene::PreparedScene;

/// The smallest pages that hold every section.
fn smallest_pages(sections: &[Section<'_>]) -> PageShifts {
    let fits = |shifts: &PageShifts| {
        let paged = sections.iter().filter(|section| section.binding != Binding::Whole);
        paged.into_iter().all(|section| section.bytes.len() as u64 <= section.bytes_max(shifts, 0))
    };
    let mut shifts = PageShifts::ONE_PAGE;
    let words: [fn(&mut PageShifts) -> &mut u32; 4] = [
        |shifts| &mut shifts.page_shift_64,
        |shifts| &mut shifts.page_shift_48,
        |shifts| &mut shifts.page_shift_16,
        |shifts| &mut shifts.page_shift_4,
    ];
    for word in words {
        while *word(&mut shifts) > 0 {
            *word(&mut shifts) -= 1;
            if !fits(&shifts) {
                *word(&mut shifts) += 1;
                break;
            }
        }
    }
    shifts
}

fn frame_of(name: &str) -> (Arc<PreparedScene>, FrameView, Vec<BlockItem>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenes").join(name);
    let flags = ShotKeys { width: Some(64), height: Some(48), spp: Some(2), ..ShotKeys::default() };
    let package = compile(&Shot::read(&path, flags).unwrap(), &ImportLimits::default()).unwrap().package;
    let (scene, frame) = FrameView::of(&package.manifest, package.manifest.frames[0].number).unwrap();
    let scene = Arc::new(crate::scene::prepare(&package, scene, Default::default()).unwrap());
    let (columns, rows) = frame.settings.grid.blocks();
    let blocks = (0..rows).flat_map(|y| (0..columns).map(move |x| (x as u16, y as u16)));
    let items = blocks
        .map(|(x, y)| BlockItem {
            at: tessera_shared::grid::BlockAt { x, y },
            sample_start: 0,
            sample_end: 2,
        })
        .collect();
    (scene, frame, items)
}

#[test]
fn pages_change_no_bit() {
    let mut cut = std::collections::BTreeSet::new();
    for name in ["mosaic.toml", "marbles.toml"] {
        let (scene, frame, items) = frame_of(name);
        let expected = crate::cpu::cpu_backend(2).render(&scene, &frame, &items).unwrap();
        let page_shifts = scene_sections(&scene, |sections| {
            let shifts = smallest_pages(sections);
            let pages = further_pages(sections, &shifts).into_iter();
            cut.extend(pages.filter(|(_, bytes)| !bytes.is_empty()).map(|(name, _)| name));
            shifts
        });
        let Some(adapter) = gpu_adapters().into_iter().next() else {
            println!("skipped: no Vulkan adapter is here; install mesa-vulkan-drivers for a software one");
            continue;
        };
        let mut backend = GpuBackend::open(adapter, GpuOptions::default()).unwrap();
        backend.limits.page_shifts = page_shifts;
        assert!(backend.render(&scene, &frame, &items).unwrap() == expected, "{name}, {page_shifts:?}");
    }
    let all = ["attributes", "leaves", "nodes", "positions", "texels", "triangles"];
    assert_eq!(cut.into_iter().collect::<Vec<_>>(), all);
}
