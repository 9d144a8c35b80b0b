"""Letters that make no word of a language with Latin letters, told by three letters in a row that none of them has.

The table comes from word lists of twelve languages (``benchmarks/letter_triples.py``). Of English words of five letters
and more, 1 in 500 has two rare triples; of as many random letters, two thirds and more have. Nonsense that can be
pronounced ("Lorfem") is not told from a name.
"""

from __future__ import annotations

import base64
import unicodedata
import zlib
from functools import cache

EDGE = "`"  # before and after a word; the sign before "a" in ASCII
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SINGLE = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ı": "i", "ð": "d", "þ": "th"})


def plain(word: str) -> str:
    """Return ``word`` in small letters without marks (é, ü, ł)."""
    marked = unicodedata.normalize("NFD", word.lower().translate(_SINGLE))
    return "".join(char for char in marked if not unicodedata.combining(char))


def rare_triples(word: str) -> int:
    """Count the triples of ``word``, its ends included, that are rare in every language; 0 where a sign is no letter."""
    edged = f"{EDGE}{plain(word)}{EDGE}"
    if not set(edged[1:-1]) <= set(LETTERS):
        return 0
    table = _table()
    places = [ord(char) - ord(EDGE) for char in edged]
    return sum(
        table[place >> 3] >> (7 - (place & 7)) & 1
        for a, b, c in zip(places, places[1:], places[2:], strict=False)
        for place in [(a * 27 + b) * 27 + c]
    )


@cache
def _table() -> bytes:
    return zlib.decompress(base64.b85decode(_RARE))


_RARE = (
    b"c-pO2e^eCL6}~gf!jxYQvKj@=8I4A)39c2<9wH7R3EE2Wq$i#n4ykFQR_iWQIc!p0cNb%zt!*`l2`Pt2(o?j>5);}bIPJ_@qA@WC"
    b"F-;=6OoqfmND4dSkJg2ZyRY}n9{X4S?EJCk?Yz17-TU3|e)kbVt^=^18qcO952i2M7zBXA(V}SU>mSLlUOC0XFAU4jTEv>Zy4M~N"
    b"U-FD86TreBgnpHf{U2EWlmIGE?K%Ju?2d*ea#&}VGF9BbmsXa4(@#ijgYyXhCOr%z031L?7<d7gl&tex!aQ*0(!l_LXm3flVhSDE"
    b"0T3S{L;?E|@ho7twH#lR8qA)1rKCQeD|9fwUqi?wS}pJBKfYa`G^{%OHbZu+-nw3cD3dI(a>9z;ZrewL*L@M$JdIy0B_TqHUh-Ef"
    b"z*V}8$kG5v8L~;dzFvGk$*^pX@-^ml2LZw0Z}zy45O*TX!6ITmn1jFqQ>*)~1IK%PH$74Hq85vz>wD}EOg!r!aw1VC9+5=&QJfG}"
    b"CDGgDWUeFMG5E~)2uaW+M?=xaLm$rO-oupBjT(=3-d)pY{+2=HO(j0uc{X2}TDd#YfWgx*WVeh+e(*+V2e4coNF4&?8Id|IvUR}n"
    b"e-dO5Hl29rIGzp+gvHkSLy(TZVO=;8u$qGSQEC=OC^`96z_9if$J^iv0P{IQtPy~_aD#K52nQrycy0Zjds8~rj#M+b=sEylgjY%U"
    b"Nti$E0xmUA=<nUuw%^=q1|+FVHC6A9o`EqXs>L)}p$;GZB2tHj79uZ5XV&q82&oUrp-9ZDBeX;vy0%v~-@sKEgoRp2vr6@AW$zUs"
    b"^0gP-Hv}$k`Qo!-5oTyHU4C)s_2sRNhD8FG#6g~8ylz^rso~f#rqu*|5nGm88*yWmX%Q~n*%a4eA1CX@QlO6cEj5~;#EysJT7u9B"
    b"dB`&@Q@iTE(eyz2O82|(WS%;Kkf~|}4fjbw*4Z}ix(!sY&{X4BVj6YmEI46U7l_?6nfLE#-f+e>f<?hF{_Y%VkeHN>1JA^k3?x7b"
    b"20$pFTOuVk(wM;|X09+&@Gh~#6>DKuad%I5yZ%!Pw;ZnRHnDk54(YvH^~tIri|z2_!tZ-x{$_)ylWcY&9{#yh*;+L|?Ul=`2iXOc"
    b"$f)eeKAL$+>3CS;TX!wb2uMv!<T?`b*|bCw$`mmqHUku>H|wU5^AZRTBJ#4LkL}SKQkaxl;=93cc`JP}kEu*yDKW2?8zUIC*{=I2"
    b"ZCug;3946UA&Mb&Se}-PoF_K1A$#=HS64#A$zI0RV)?*4tIuw|L#Asoz&hv_S6MV*b>kOhL2fk?+c1?c5hwx5s1*d$G~FMw$R{AR"
    b"Jhylir3k)F+uhpO^2>ii+f#>8ERX=kXed4$(;>iY_UikMM}OEp;5(d~IeqKKixPFiW+M5<ym~z_sadU04MOH>YGta#r;cxX=iFtl"
    b"zS$-=e5cQS`mwBL+9_x!clM)3O*i(^*1NC7R44&PmFRFx6Xw&rSew{!tB2;rP%DnbdPRD-M^J6dfFLgWqbGy%P^=apm0JQ>Lq11v"
    b"01x6OsvA!>ORi-?7JF|JD8cSZ;8^DzJZlX}OeUKVt?)Mot&oSS9`lV$1;W$Vph;p+r@HYQ{{=Zp!(e}Pcyu_VmxTIJ9MZ83wD;Y+"
    b"<+?5}Ev0HZ6wgp)LrKA9+3&d14Et<h6x-o8CC0?y+gA;1ocw<tS^1x@X&AGg??1lfYJD<greHxHrd&0q{1|cVIeG1KoDNkr-7VNO"
    b"?1FU4s0tS*qt6nzbl8K#w)*yW*EIT$V<{&&wiv{bW42-g>c)p}KJd18^<R(xj$tIWGxC`$&xx%!M|0nR%=DFuV^w2seU&73+Wb~;"
    b"Qn3e<ZH_Kbh;&Nq7>Tovl%s=-lZuT4F+_<iD-l~#5P8(79F9i#YZJNAdA1~E_3qL4eepOYcE$^C#F`A4wqhgEJFv<qMD54iw`5ac"
    b";O9-e(3@23fXF*f=4SJ@V$TxcAP2&-;pb)`u`9fDpT=29TZy%~Fngl9;2Z4R|0*^W^R!)a_BXC?4nxj7ZR}V{f{awZ`lwCpKo=bx"
    b"eljo?!v5mrmm<A4Ber6L*d-Iy|EHd+cTb~Y$G<hRe?$<b8@4i|Vk<ZTs?4{dGdlCJlxnhi?c^>!&Oo(;0##}?H%98ganBF*xF!2="
    b"jFPZRSfQg3h29_YYPSt5(H>cW@MdA_p>LGsJ4^20)4Vg%(8A=`T7FBm9pVW1^U-s3_2o=hL(hurqLNaP(yS(rr;6>w`Ay@C-<l#c"
    b"QUlkEPAtOK!?*TKAyc>H33bM{X&3E5K>TXl^C{NY{&Ri4bJ~6DU)~T_Iu5aO*kJf_@zB2WWhol*-&*=?@#ahVIZ0UMNOR;sd56%t"
    b"Fy%$|==1Y*n*c$O1aXLUto>|VXXD@Q9D1Q}Zc_9XG9UYsR}rcJ+w`BA<vXz`KOt`7-GOSOAVpI#_*i4x6CTTG|I}??MI;6<OO)7n"
    b"OF8<l^lGDRCl;kn#jA)7)YrhyED7!H_z!Zj))N"
)
