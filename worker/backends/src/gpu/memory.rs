//! How much memory a Vulkan device has of its own, which wgpu does not tell. Allocates nothing.

use ash::vk;

/// Bytes of the device-local heaps; `None` where the adapter is not Vulkan's.
pub(super) fn device_memory_bytes(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the handles are used while the adapter is borrowed, for a query that changes nothing.
    let hal = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = hal.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to this instance.
    let memory = unsafe { instance.get_physical_device_memory_properties(hal.raw_physical_device()) };
    let heaps = memory.memory_heaps.iter().take(memory.memory_heap_count as usize);
    let local = heaps.filter(|heap| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL));
    Some(local.map(|heap| heap.size).sum())
}
