"""Builds a scene of our own in Blender and exports it in every form that artists send: plain, Draco, WebP, GPU instancing.

  python3 blender_exports.py FOLDER

The scene has what Blender's exporter can say in glTF: layered materials, textures, a skin, shape keys, repeated objects,
animation, lamps of every kind and two cameras. Equal at every run but for what the exporter itself varies. Each file's
extensions are printed. Needs `pip install bpy==4.5.15` (CPython 3.11).
"""
import json
import math
import os
import struct
import sys

import bpy
import numpy

TEXELS = 256
FRAMES = 24


def image(name, rgb, colour=True):
    """An image from an array of rows from the top, linear or sRGB values 0 to 1."""
    rows, columns, _ = rgb.shape
    made = bpy.data.images.new(name, columns, rows)
    made.colorspace_settings.name = "sRGB" if colour else "Non-Color"
    rgba = numpy.ones((rows, columns, 4), numpy.float32)
    rgba[..., :3] = rgb[::-1]
    made.pixels.foreach_set(rgba.ravel())
    made.pack()
    return made


def waves(seed, octaves=4):
    """Smooth noise that tiles, 0 to 1."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:TEXELS, 0:TEXELS] / TEXELS * 2 * math.pi
    total = numpy.zeros((TEXELS, TEXELS))
    for octave in range(octaves):
        for _ in range(3):
            u, v = random.integers(-3, 4, 2) * 2 ** octave
            total += numpy.sin(u * x + v * y + random.uniform(0, 6.28)) / 2 ** octave
    return (total - total.min()) / (total.max() - total.min())


def normals(height, strength):
    """Tangent-space normals of a height field, glTF's convention (green up)."""
    dx = (numpy.roll(height, -1, 1) - numpy.roll(height, 1, 1)) * strength
    dy = (numpy.roll(height, -1, 0) - numpy.roll(height, 1, 0)) * strength
    n = numpy.stack([-dx, dy, numpy.ones_like(dx)], -1)
    return n / numpy.linalg.norm(n, axis=-1, keepdims=True) * 0.5 + 0.5


def mix(a, b, share):
    return numpy.array(a) * (1 - share[..., None]) + numpy.array(b) * share[..., None]


def material(name, inputs, base=None, rough=None, normal=None):
    """A Principled BSDF with values by input name and textures by slot; subsurface stays 0."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    tree = made.node_tree
    shader = tree.nodes["Principled BSDF"]
    for key, value in {"Subsurface Weight": 0.0, **inputs}.items():
        shader.inputs[key].default_value = value

    def texture(picture):
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = picture
        return node.outputs["Color"]

    if base:
        tree.links.new(texture(base), shader.inputs["Base Color"])
    if rough:
        split = tree.nodes.new("ShaderNodeSeparateColor")
        tree.links.new(texture(rough), split.inputs[0])
        tree.links.new(split.outputs["Green"], shader.inputs["Roughness"])
        tree.links.new(split.outputs["Blue"], shader.inputs["Metallic"])
    if normal:
        node = tree.nodes.new("ShaderNodeNormalMap")
        tree.links.new(texture(normal), node.inputs["Color"])
        tree.links.new(node.outputs["Normal"], shader.inputs["Normal"])
    return made


def materials():
    noise, fine = waves(1), waves(2, 5)
    base = image("base", mix([0.75, 0.2, 0.1], [0.95, 0.75, 0.3], noise))
    packed = numpy.stack([numpy.ones_like(fine), 0.25 + 0.6 * fine, numpy.round(noise)], -1)
    rough = image("occlusion_roughness_metallic", packed, colour=False)
    bumps = image("bumps", normals(fine, 4.0), colour=False)
    return {
        "textured": material("textured", {}, base, rough, bumps),
        "lacquer": material("lacquer", {"Base Color": (0.05, 0.1, 0.5, 1), "Roughness": 0.5, "Coat Weight": 1.0,
                                        "Coat Roughness": 0.05}, normal=bumps),
        "velvet": material("velvet", {"Base Color": (0.3, 0.02, 0.08, 1), "Roughness": 0.9, "Sheen Weight": 0.8,
                                      "Sheen Roughness": 0.4, "Sheen Tint": (1.0, 0.6, 0.7, 1)}),
        "glass": material("glass", {"Base Color": (0.9, 1.0, 0.95, 1), "Roughness": 0.05, "IOR": 1.45,
                                    "Transmission Weight": 1.0}),
        "brushed": material("brushed", {"Base Color": (0.8, 0.75, 0.7, 1), "Metallic": 1.0, "Roughness": 0.35,
                                        "Anisotropic": 0.8, "Anisotropic Rotation": 0.1}),
        "dull": material("dull", {"Base Color": (0.4, 0.45, 0.4, 1), "Roughness": 0.8, "Specular IOR Level": 0.2}),
        "glow": material("glow", {"Base Color": (0, 0, 0, 1), "Emission Color": (1.0, 0.7, 0.3, 1),
                                  "Emission Strength": 6.0}),
    }


def place(name, data, location=(0, 0, 0), parent=None):
    made = bpy.data.objects.new(name, data)
    made.location = location
    made.parent = parent
    bpy.context.collection.objects.link(made)
    return made


def sheet(name, columns, rows, place_of, surface):
    """A mesh over a grid of (u, v) in 0 to 1; `place_of` gives the point, `surface` the material's index of a face."""
    points = [place_of(c / columns, r / rows) for r in range(rows + 1) for c in range(columns + 1)]
    faces = [[r * (columns + 1) + c + d for d in (0, 1, columns + 2, columns + 1)]
             for r in range(rows) for c in range(columns)]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points, [], faces)
    uv = mesh.uv_layers.new(name="UVMap")
    for loop in mesh.loops:
        r, c = divmod(loop.vertex_index, columns + 1)
        uv.data[loop.index].uv = (c / columns, r / rows)
    for number, face in enumerate(mesh.polygons):
        face.use_smooth = True
        face.material_index = surface(number % columns / columns, number // columns / rows)
    mesh.validate()
    return mesh


def ball(name, radius, surface=lambda u, v: 0):
    def point(u, v):
        across, down = u * 2 * math.pi, (v - 0.5) * math.pi * 0.998
        return (radius * math.cos(across) * math.cos(down), radius * math.sin(across) * math.cos(down),
                radius * math.sin(down))
    return sheet(name, 32, 16, point, surface)


def still_life(made):
    floor = sheet("floor", 8, 8, lambda u, v: (u * 8 - 4, v * 8 - 4, 0), lambda u, v: 0)
    floor.materials.append(made["dull"])
    place("floor", floor)
    # One mesh of three materials, by height.
    banded = ball("banded", 0.6, lambda u, v: min(2, int(v * 3)))
    for name in ("textured", "lacquer", "velvet"):
        banded.materials.append(made[name])
    place("banded", banded, (-1.4, 0, 0.6))
    for number, name in enumerate(("glass", "brushed", "velvet")):
        mesh = ball(name, 0.4)
        mesh.materials.append(made[name])
        place(name, mesh, (-0.2 + number * 0.9, -0.9, 0.4))
    lamp = ball("glow", 0.12)
    lamp.materials.append(made["glow"])
    place("glow", lamp, (0.2, 0.9, 1.6))


def creature(made):
    """A tube on two bones that bends while its shape keys swell and pinch it."""
    tube = sheet("tube", 24, 24, lambda u, v: (0.25 * math.cos(u * 6.283185), 0.25 * math.sin(u * 6.283185), v * 2),
                 lambda u, v: int(v > 0.5))
    tube.materials.append(made["textured"])
    tube.materials.append(made["lacquer"])
    body = place("tube", tube)
    body.shape_key_add(name="Basis")
    for name, swell in (("swell", lambda z: 1 + 0.6 * math.exp(-8 * (z - 1.5) ** 2)),
                        ("pinch", lambda z: 1 - 0.5 * math.exp(-16 * (z - 0.5) ** 2))):
        key = body.shape_key_add(name=name)
        for vertex, point in zip(tube.vertices, key.data):
            x, y, z = vertex.co
            point.co = (x * swell(z), y * swell(z), z)
    for frame, values in ((0, (0, 0)), (FRAMES // 2, (1, 0.3)), (FRAMES, (0, 1))):
        for key, value in zip(list(tube.shape_keys.key_blocks)[1:], values):
            key.value = value
            key.keyframe_insert("value", frame=frame)

    frame_of_bones = bpy.data.armatures.new("bones")
    bones = place("bones", frame_of_bones, (1.3, 0.6, 0.02))
    bpy.context.view_layer.objects.active = bones
    bpy.ops.object.mode_set(mode="EDIT")
    lower = frame_of_bones.edit_bones.new("lower")
    lower.head, lower.tail = (0, 0, 0), (0, 0, 1)
    upper = frame_of_bones.edit_bones.new("upper")
    upper.head, upper.tail, upper.parent = (0, 0, 1), (0, 0, 2), lower
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in ("lower", "upper"):
        group = body.vertex_groups.new(name=bone)
        for vertex in tube.vertices:
            share = min(1, max(0, (vertex.co.z - 0.7) / 0.6))
            group.add([vertex.index], share if bone == "upper" else 1 - share, "REPLACE")
    body.parent = bones
    body.modifiers.new("skin", "ARMATURE").object = bones
    for bone, angles in (("lower", (0, 0.3, -0.2)), ("upper", (0, 0.9, -0.7))):
        pose = bones.pose.bones[bone]
        pose.rotation_mode = "XYZ"
        for frame, angle in zip((0, FRAMES // 2, FRAMES), angles):
            pose.rotation_euler = (angle, 0, angle / 2)
            pose.keyframe_insert("rotation_euler", frame=frame)


def repeated(made):
    """Stones that share a mesh below an empty (GPU instancing), and an instance of a collection of its own."""
    stone = ball("stone", 0.1)
    stone.materials.append(made["textured"])
    ring = place("ring", None, (0, 0, 0.1))
    for number in range(40):
        angle = number * 2 * math.pi / 40
        one = place(f"stone.{number:02}", stone, (2.4 * math.cos(angle), 2.4 * math.sin(angle), 0), ring)
        one.scale = (1, 1, 0.6 + 0.4 * math.sin(angle * 3))
        one.rotation_euler = (0, 0, angle * 5)
    group = bpy.data.collections.new("pillar")
    cube = ball("pillar", 0.2)
    cube.materials.append(made["brushed"])
    for height in (0.2, 0.6, 1.0):
        part = bpy.data.objects.new("pillar part", cube)
        part.location = (0, 0, height)
        group.objects.link(part)
    for x in (-2.2, 2.2):
        instance = place(f"pillar {x}", None, (x, 1.6, 0))
        instance.instance_type = "COLLECTION"
        instance.instance_collection = group


def lamps_and_cameras():
    for kind, location, energy, rotation in (("POINT", (-1.5, -2, 2.5), 120, (0, 0, 0)),
                                             ("SPOT", (2.5, -1.5, 3), 300, (0.5, 0.5, 0)),
                                             ("SUN", (0, 0, 5), 1.5, (0.6, -0.4, 0))):
        lamp = bpy.data.lights.new(kind.lower(), kind)
        lamp.energy = energy
        if kind == "SPOT":
            lamp.spot_size, lamp.spot_blend = 0.9, 0.3
        place(kind.lower(), lamp, location).rotation_euler = rotation
    for name, location, rotation, kind in (("front", (0, -6.5, 2.6), (1.25, 0, 0), "PERSP"),
                                           ("above", (0, -0.5, 7), (0.07, 0, 0.3), "ORTHO")):
        camera = bpy.data.cameras.new(name)
        camera.type = kind
        camera.ortho_scale = 6.0
        made = place(name, camera, location)
        made.rotation_euler = rotation
        if name == "front":
            bpy.context.scene.camera = made
            for frame, x in ((0, -0.5), (FRAMES, 0.5)):
                made.location.x = x
                made.keyframe_insert("location", frame=frame)


def build():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = FRAMES
    scene.frame_start, scene.frame_end = 0, FRAMES
    made = materials()
    still_life(made)
    creature(made)
    repeated(made)
    lamps_and_cameras()


def said(path):
    """What a .glb uses."""
    with open(path, "rb") as file:
        _, _, _, length, _ = struct.unpack("<5I", file.read(20))
        root = json.loads(file.read(length))
    counts = {key: len(root[key]) for key in ("meshes", "materials", "images", "skins", "animations", "cameras")
              if key in root}
    return {"uses": root.get("extensionsUsed", []), "requires": root.get("extensionsRequired", []), **counts}


def main(folder):
    os.makedirs(folder, exist_ok=True)
    build()
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, "exports.blend"))
    forms = {
        "plain": {},
        "draco": {"export_draco_mesh_compression_enable": True},
        "webp": {"export_image_format": "WEBP"},
        "instancing": {"export_gpu_instances": True},
    }
    for name, options in forms.items():
        path = os.path.join(folder, f"{name}.glb")
        bpy.ops.export_scene.gltf(filepath=path, export_format="GLB", export_cameras=True, export_lights=True,
                                  export_tangents=name == "plain", export_animation_mode="SCENE",
                                  export_anim_scene_split_object=False, **options)
        print(name, os.path.getsize(path), json.dumps(said(path)))


if __name__ == "__main__":
    main(*sys.argv[1:])
