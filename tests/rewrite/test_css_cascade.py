"""What a copied rule may win against, and what wins against it: CSS Cascade 4, section 6."""

import html5lib
import pytest
import tinycss2
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpeter.rewrite.css.inline import Inliner


def inlined(css, body):
    """The body after `css` was copied into it."""
    head = f"<!doctype html><style>{css}</style><body>"
    result = Inliner().inline(head + body)
    assert result.startswith(head)
    return result[len(head) :]


@pytest.mark.parametrize(
    ("css", "body", "expected"),
    [
        # order and specificity
        ("p{color:red}", "<p>x", '<p style="color:red">x'),
        ("p{color:red}p{color:blue}", "<p>", '<p style="color:blue">'),
        (".a{color:red}p{color:blue}", "<p class=a>", '<p style="color:red" class=a>'),
        ("#i{color:red}.a.b.c{color:blue}", "<p id=i class='a b c'>", "<p style=\"color:red\" id=i class='a b c'>"),
        ("p.a{top:1px}.a{top:2px}p{top:3px}", "<p class=a>", '<p style="top:1px" class=a>'),
        ("body p{top:1px}p{top:2px}", "<p>", '<p style="top:1px">'),
        ("p,.a{top:1px}p{top:2px}", "<p class=a>", '<p style="top:1px" class=a>'),
        ("body *{top:1px}", "<p>", '<p style="top:1px">'),
        # shorthands and longhands keep their order
        ("p{margin:0}p{margin-top:1px}", "<p>", '<p style="margin:0;margin-top:1px">'),
        ("p{margin-top:1px}p{margin:0}", "<p>", '<p style="margin-top:1px;margin:0">'),
        ("p{margin-top:1px;margin:0}.a{margin-top:2px}", "<p class=a>", '<p style="margin:0;margin-top:2px" class=a>'),
        # fallbacks within a rule stay; another rule replaces both
        ("p{color:red;color:var(--x)}", "<p>", '<p style="color:red;color:var(--x)">'),
        ("p{color:red;color:var(--x)}p{color:tan}", "<p>", '<p style="color:tan">'),
        # what the attribute has wins
        ("p{color:red}", '<p style="color:blue">', '<p style="color:blue">'),
        ("p{color:red;top:0}", '<p style="color:blue">', '<p style="top:0;color:blue">'),
        ("p{margin:0}", '<p style="margin-top:1px">', '<p style="margin:0;margin-top:1px">'),
        ("p{color:red}", '<p style="COLOR : blue">', '<p style="COLOR : blue">'),
        # but not against !important, unless it is important itself
        ("p{color:red!important}", "<p>", '<p style="color:red">'),
        ("p{color:red!important}", '<p style="color:blue">', '<p style="color:blue;color:red">'),
        ("p{color:red!important}", '<p style="color:blue; ">', '<p style="color:blue; color:red;">'),
        ("p{color:red ! IMPORTANT}", '<p style="color:blue!important">', '<p style="color:blue!important">'),
        ("p{color:red!important}.a{color:tan}", "<p class=a>", '<p style="color:red" class=a>'),
        ("p{color:red!important}.a{color:tan!important}", "<p class=a>", '<p style="color:tan" class=a>'),
        ("p{margin:0!important}", '<p style="margin-top:1px">', '<p style="margin-top:1px;margin:0">'),
        # an attribute that nothing can be written behind
        ("p{color:red!important;top:0}", '<p style="color:blue;x:(">', '<p style="top:0;color:blue;x:(">'),
        ("p{color:red!important}", "<p style=\"color:blue;x:'\">", "<p style=\"color:blue;x:'\">"),
        # nothing is inherited
        ("div{color:red}", "<div><p>x</p></div>", '<div style="color:red"><p>x</p></div>'),
        # values stay as they are written
        ("p{line-height:1.50;margin:0px AUTO}", "<p>", '<p style="line-height:1.50;margin:0px AUTO">'),
        ("p{font:12px/1.5 'A B',serif}", "<p>", "<p style=\"font:12px/1.5 'A B',serif\">"),
        ('p{content:"a";quotes:"\\"" "x"}', "<p>", "<p style=\"content:'a';quotes:&quot;\\&quot;&quot; &quot;x&quot;\">"),
        ("p{content:\"it's\"}", "<p>", '<p style="content:&quot;it\'s&quot;">'),
        ("p{background:url( a.png )}", "<p>", '<p style="background:url(a.png)">'),
        ("p{margin:0\r\n  auto /* x */}", "<p>", '<p style="margin:0 auto">'),
        # what cannot be parsed stays in its block, with what it overrides there
        ("p{color red;top:0;left}", "<p>", '<p style="top:0">'),
        ("p{color:rgb(0 0 0 / 50%);top:0}", "<p>", '<p style="top:0">'),
        ("p{color:red}.a{color:rgb(0 0 0 / 50%)}", "<p class=a>", "<p class=a>"),
        ("p{border-top:0}.a{border:#12345678}", "<p class=a>", "<p class=a>"),
        ("p{color:rgb(0 0 0 / 50%)}.a{color:red}", "<p class=a>", '<p style="color:red" class=a>'),
        ("p{width:1px;width:2px\\9;top:0}", "<p>", '<p style="top:0">'),
        ("p{--own:1;top:0}", "<p>", '<p style="top:0">'),
        ("p{*zoom:1;_top:0}", "<p>", '<p style="_top:0">'),
        ("p{top:0;p:hover{top:1px}left:0}", "<p>", '<p style="top:0;left:0">'),
        ("p{color:red", "<p>", '<p style="color:red">'),
        ("p{color:red};p{top:0}b{left:0}", "<p><b>", '<p style="color:red"><b style="left:0">'),
    ],
)  # fmt: skip
def test_what_an_element_gets(css, body, expected):
    assert expected == inlined(css, body)


@pytest.mark.parametrize(
    ("selector", "elements"),
    [
        ("p > b", "b1 b2"), ("div b", "b1 b2 b3"), ("p + i", "i1"), ("p ~ i", "i1"), ("b:first-child", "b1 b3"),
        ("b:last-child", "b2 b3"), ("b:nth-child(2)", "b2"), ("b:not(.x)", "b1 b3"), ("b:is(.x, #b1)", "b1 b2"),
        ("[title]", "b1"), ("[title=T]", "b1"), ("[title|=T]", "b1"), ("b[title^='t']", ""), ("b[title='t' i]", "b1"),
        ("[title*=T]", "b1"), ("a:link", "a1"), ("a:any-link", "a1"), ("B", "b1 b2 b3"), ("div:only-of-type", "d"), (".\\78", "b2"),
        # stays in the block
        ("b:hover", ""), ("a:visited", ""), ("b::before", ""), ("b:before", ""), ("b:empty", ""), ("b:lang(en)", ""),
        ("i:checked", ""), (":target", ""), ("b:nth-child(1 of .x)", ""), ("b:has(i)", ""), ("ns|b", ""), ("[*|title]", ""),
        ("b, b:hover", "b1 b2 b3"), ("b, b::x-y", ""), ("b, b::before", "b1 b2 b3"), ("b, :bogus", "b1 b2 b3"), ("b, 3", ""), ("", ""),
    ],
)  # fmt: skip
def test_which_elements_match(selector, elements):
    body = "<div id=d><p><b id=b1 title=T>x</b><b id=b2 class=x>y</b></p><i id=i1><b id=b3></b> z</i><a id=a1 href=h>k</a><a id=a2>l</a></div>"

    root = html5lib.parse(inlined(f"{selector}{{top:0}}", body), namespaceHTMLElements=False)

    assert elements == " ".join(element.get("id") for element in root.iter() if element.get("style"))


@pytest.mark.parametrize(
    "block",
    [
        "@media print{p{top:0}}", "@media (min-width:1px){p{top:0}}", "@supports (top:0){p{top:0}}", "@font-face{top:0}",
        "@import url(p.css);", "@page{top:0}", "@charset 'x';", "@namespace 'x';", "@x p{top:0}", "@layer a{p{top:0}}", "}p{top:0}", "{top:0}",
    ],
)  # fmt: skip
def test_what_stays_in_its_block(block):
    assert "<p>" == inlined(block, "<p>")
    assert (
        '<p style="left:0">' == inlined(block + " p{left:0}", "<p>")
        or block.endswith("'x';")
        or "}p" in block
    )


# -- an oracle: who wins, by the rules of the cascade, before and after -------------------------------------------------

PROPERTIES = {
    "color": ("color",),
    "margin": ("margin-top", "margin-left"),
    "margin-top": ("margin-top",),
    "top": ("top",),
}
SELECTORS = {"p": (0, 0, 1), ".a": (0, 1, 0), "#i": (1, 0, 0), "p.a": (0, 1, 1), "body p": (0, 0, 2)}
DECLARATIONS = st.lists(
    st.tuples(st.sampled_from(sorted(PROPERTIES)), st.integers(0, 99), st.booleans()), min_size=1, max_size=4
)
RULES = st.lists(st.tuples(st.sampled_from(sorted(SELECTORS)), DECLARATIONS), max_size=5)


def written(declarations, value="{}px"):
    return ";".join(
        f"{name}:{value.format(number)}{'!important' if mark else ''}" for name, number, mark in declarations
    )


def winners(rules, own):
    """Longhand to value: importance first, then the attribute over rules, then specificity, then order."""
    best = {}
    for order, (selector, declarations) in enumerate([*rules, (None, own)]):
        for place, (name, value, is_important) in enumerate(declarations):
            weight = (is_important, selector is None, SELECTORS.get(selector, ()), order, place)
            for longhand in PROPERTIES[name]:
                best[longhand] = max(best.get(longhand, ((), None)), (weight, value))
    return {name: value for name, (_, value) in best.items()}


def read(style):
    return [
        (node.name, int(tinycss2.serialize(node.value).removesuffix("px")), node.important)
        for node in tinycss2.parse_blocks_contents(style)
        if node.type == "declaration"
    ]


def style_after(rules, own, beyond_us=()):
    """What the element's style attribute declares, copied from these rules; cssutils cannot parse those `beyond_us`."""
    values = ["rgb(0 0 0 / {}px)" if number in beyond_us else "{}px" for number in range(len(rules))]
    css = "".join(
        f"{rule[0]}{{{written(rule[1], value)}}}" for rule, value in zip(rules, values, strict=True)
    )
    attribute = f' style="{written(own)}"' if own else ""
    root = html5lib.parse(inlined(css, f"<p id=i class=a{attribute}>"), namespaceHTMLElements=False)
    return read(root.find(".//p").get("style", ""))


@settings(max_examples=150, deadline=None)
@given(RULES, st.just([]) | DECLARATIONS)
def test_without_the_block_it_looks_the_same(rules, own):
    assert winners(rules, own) == winners([], style_after(rules, own))


@settings(max_examples=150, deadline=None)
@given(RULES, st.just([]) | DECLARATIONS, st.sets(st.integers(0, 4)))
def test_with_the_block_it_looks_the_same(rules, own, beyond_us):
    """Also where a mail program can parse what cannot be parsed here."""
    assert winners(rules, own) == winners(rules, style_after(rules, own, beyond_us))
