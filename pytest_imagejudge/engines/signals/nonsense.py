"""Letters that make no word of a language with Latin letters, told by three letters in a row that none of them has.

The table comes from word lists of twelve languages and names of places (``benchmarks/letter_triples.py``). Of 1,000
pairs of English words none counted as nonsense (`beside`), and of pairs of as many random letters 83% of five letters
and 96% of seven. Nonsense that can be pronounced ("Lorfem") is not told from a name.
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
    """Count the triples of ``word``, its ends included, that no language has; 0 where a sign is no letter."""
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
    b"c-mc7e{dAl9e=yoB-{LejX4wp=mx=oV&hRL;G~2N!I{8FszXP|VYJv0C`|S)h0L9n9CsH6Lo1yI6?-)kIduwjpaBfM6V~n?6G0Fs"
    b"1nZCBX5Ca84;yYbfMqW%m)GyxP3VvJ$IW~Dec$i<zR&mb{k+2%k03<**7}~<^Mj)KtD^{^s-cBfW38V`Z=O5KqTd*{q3z<=9`nCd"
    b"$iLp0KKTzsqd##y$)Fzi*#4)0Q2o)y9SB9cGKni?wC9jKx~Q40sjvHf7-MUd=UIfPq7)iLh(YMl6k<6<<&~aYmx6=pgq;zDc*i8b"
    b"j6w_x>pID-LC)aeEJQKO8FpbobkdAVk2FnVsu=2z%P`J@c|pAAz(zf5*nU_POQI6=Ck-rT!ATmkt(zS!#x_IKL#kw+gdGp#1jbme"
    b"e&3ET^<G1LI6}Nk91JDldzPZ<Zuypi@om@($zSgl_h4}h5-r5efIDztdPWb8K%&9WbzerlpjkQic8{~cgtPu8jg8gvdjOZb9L9=*"
    b"GdJ<!^89J}eJ}n5<1q)`MCR$lC-*Yv;C$Lx>(kDPYfhMN5R)nA2KJwxCXX)OqBaBau%k#4B|!4yBQ<eEGZjdP6ED@Tsq1^~@aIu_"
    b"XY0WqAAr*Vz7!v8+Kq|;I5?l-5mb}oKP@OFSbEqch@u@6K^Z1+nVF0v+k*&Az>PdBc(g-cxwlqsy)Q4md{CguA+!UOD3674if#A8"
    b"&I%yFhK}v#Hj|hXQweVB?oG=X&C=X}%fC_m;AjK#oN#Id%Ry|flu)gp4$xwy|ME7;JOVR-m(miNRHI(5J-3j+dtSW8F%=KYJq@OO"
    b"&C;dU`rlp<3mEo=$VI*nwg<(eValTe)&S6^6|s(&DngZ&V8}{c<#Ly-&)j-BK<x|LO2$Dxm&j>1G0Bicv}v2#8{)Orhl&=9AAV5M"
    b"eh_vjiVBV`LX`G&RF1enRhbF|)JQ<joP&ma9y>jQ9^BNn>Xdg7iUJGT)88ymd8>P0wC44WAt4$;+#F)!39*636ingDG9^SOh%GQQ"
    b"n!2c~yQ@?GB>*Ke-i_nLmJ)h$y`F7|(xfY9|I}xN+YGE^X%@lZUkmlIhT+M7_+n`vJ*ytJPs*Mk^sBBJP6=$RaY1ne(Z!M<TOo&*"
    b"KthQy+#xmr>X?5NI4=-*0eM+ZZ`GP9FyYWOim6x}vU~t9l#&oTphCUOPCZ0u;}v$eUIarDaCu%ia2~tFo-}my+e?W7x0jJnOtX<n"
    b"`-IbaC8jqUq4SA}sbAP@caeKVnWaE%DCHFZibJ);3q=bxJ#5+db0q9~Y3>q25%^lTB^KEA^1o2W^X;%A1Q<%>1}vRq7}U2LYkuC@"
    b"8)`2vxoiFE3jzs4mte(C2lXaI6_m!F2ijCRv{7(K8Q$>0nJ<F+Q{%)wA)b7)w2gEML4JP^Q6|t0Fy&R7GGtUWBxeRJjhjjCMFX+n"
    b"%62!o7d7FPP?H<g7Q;3p96$eUUonKf$Un}Z0%jh98nR_vK4KC71ksJ>+63=>u9Uvd1&VXJ5;3%AIyuXfvu-nj7yNSI1w35xWau(<"
    b"<qOcD6T}AH_+9wClp*lazil5HNa)qadx$ug7;7JiTO|LXAStEd1msT<W$UsHnAX0-fEQDhaoPdK)xOx5hCK|k?*#N5zB5)(1^3@s"
    b"j4)g!{=bncW7zQje83je>%Y95Z_XfT-1|z;fpuRtxmTv<%&LGZH>BlXz^eQ3<*(s&Xjt2|3z~+WRYVx|s247yPvzIeorlBmdgQTX"
    b"fzSacWtO2AA%1Y*II+)*pB#JWz2MTn5Q+`}u|4YFxe5=MrfcFgR8q8fuGNr!_gk0Pg)?J8SF!t?HYZ&P#MY~U*cQ&wRNmgcx&KjY"
    b"LTpJ^Cy)n?Dr1}sP2k4<)71$(xm9oZ=4nFg;#Wn$8uyxxVk1-=CyY}4o%_TaL;=vRTUjpYDmLO-&*Ab(tfSadd9;&3-28!;rjTrc"
    b"GhTqVlC%=-aG?wd=zH{xJBm%jys&Zl_Q1-v6yhqi^gc*_P<V5VL+r@Q<lzY8-gE-`i<Mqilh;*OvH3$1R>FVoZusydD0c3LclQi("
    b"++BvF%tVOb31~3i%}m)pO_H(VR<9EekC*e53zSr2w*}ND#Be`@c925wjN%lB@^uiR;~%Ai+D*eA>r{U<uGkPer&+h>J-D@Pv)T-I"
    b"eZ~&kk`oY;Kfd=2nO%XNBWJ0Nj-=4cGWU4*%EW~2+>KF8GBq&1HIpT+2Vb2x1&`j4u0q3>Og5dkVI}AL3To`K7t(lO<?mOe<oIrS"
    b"Iv{_~qW+e%wRsv2k3fx{x~QKKxFz|8`DLgs&c$YfUQc<YQg;XtMFPk76Zv8a0)M@|`_-x$uISCCJ_}DMwwm0a|H`b}O#X^s5eGLV"
    b"jU%9JV3KVs(DAI#Hafo&$N!2z>k(qZzm&b-6+LcrYzEp)R^YFQ1Jo@<-(8*97XLSEo1F3"
)
