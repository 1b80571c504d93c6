/* deck_parse.c: text -> tree of marked nodes, by the events of libyaml (YAML 1.1).
 * Offers deck_tree, deck_tree_value, deck_utf8 and the making of nodes. Structure only: no scalar is given a type here.
 * Refused: anchors, aliases, tags, several documents, keys that are not scalars, control characters, text that is not
 * UTF-8, and anything beyond the bounds of deck_priv.h. The loop keeps its own stack, so no input can exhaust ours. */
#include <string.h>
#include <yaml.h>

#include "base/deck_priv.h"

typedef struct reader {
  deck *d;
  int origin, depth, documents;
  deck_node *root, *stack[DECK_MAX_DEPTH];
} reader;

int deck_utf8(const char *text, size_t n, unsigned *point) {
  const unsigned char *s = (const unsigned char *)text;
  static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000}; /* shorter forms are malformed */
  int m = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
  if (!m || (size_t)m > n) return 0;
  unsigned p = m == 1 ? s[0] : s[0] & (0x7fu >> m);
  for (int i = 1; i < m; i++) {
    if (s[i] >> 6 != 2) return 0;
    p = p << 6 | (s[i] & 63);
  }
  if (p < least[m] || p > 0x10ffff || (p >= 0xd800 && p < 0xe000)) return 0;
  *point = p;
  return m;
}

deck_node *deck_node_new(deck *d, deck_shape shape, int origin, int line) {
  deck_node *n = deck_alloc(d, sizeof *n);
  if (!n) return NULL;
  n->shape = shape;
  n->origin = origin;
  n->line = line;
  return n;
}

void deck_node_attach(deck_node *parent, const char *key, deck_node *child) {
  child->parent = parent;
  child->key = key;
  if (parent->last) {
    parent->last->next = child;
  } else {
    parent->first = child;
  }
  parent->last = child;
  parent->n++;
}

/* Put a node where it belongs: root, entry, key or value of the mapping being read. False: stop reading. */
static bool place(reader *r, deck_node *n) {
  if (!n) return false;
  if (r->d->nodes++ >= DECK_MAX_NODES) {
    deck_fault_at(r->d, r->origin, n->line, "", "more than %d values: a deck is smaller than that", DECK_MAX_NODES);
    return false;
  }
  deck_node *up = r->depth ? r->stack[r->depth - 1] : NULL;
  if (!up) {
    r->root = n;
  } else if (up->shape == DECK_LIST) {
    deck_node_attach(up, NULL, n);
  } else if (!up->pending) {
    up->pending = n;
    n->parent = up;
    bool plain = n->shape == DECK_SCALAR && n->bytes && strlen(n->text) == n->bytes;
    if (!plain) deck_fault_at(r->d, r->origin, n->line, "", "a key must be a single word");
  } else {
    if (up->n >= DECK_MAX_KEYS) {
      deck_fault_at(r->d, r->origin, n->line, "", "more than %d keys in one mapping", DECK_MAX_KEYS);
      return false;
    }
    const deck_node *key = up->pending;
    n->bad |= key->bad || key->shape != DECK_SCALAR || !key->bytes;
    n->line = key->line;
    deck_node_attach(up, key->text ? key->text : "?", n);
    up->pending = NULL;
  }
  return true;
}

static void refuse(reader *r, deck_node *n, const char *what) {
  n->bad = true;
  deck_fault(r->d, n, "%s", what);
}

static bool leaf(reader *r, const yaml_event_t *ev) {
  bool alias = ev->type == YAML_ALIAS_EVENT;
  deck_node *n = deck_node_new(r->d, DECK_SCALAR, r->origin, (int)ev->start_mark.line + 1);
  if (!n) return false;
  n->bytes = alias ? 0 : ev->data.scalar.length;
  n->text = deck_copy(r->d, alias ? "" : (const char *)ev->data.scalar.value, n->bytes);
  n->quoted = !alias && ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  if (!n->text || !place(r, n)) return false;
  if (alias) {
    refuse(r, n, "aliases (*name) are not part of a deck: write the value out");
  } else if (ev->data.scalar.anchor) {
    refuse(r, n, "anchors (&name) are not part of a deck");
  } else if (ev->data.scalar.tag) {
    refuse(r, n, "tags (!name) are not part of a deck: the type is known from the key");
  } else if (strlen(n->text) != n->bytes) {
    refuse(r, n, "the text contains a NUL character");
  }
  return true;
}

static bool branch(reader *r, const yaml_event_t *ev) {
  bool list = ev->type == YAML_SEQUENCE_START_EVENT;
  const void *anchor = list ? ev->data.sequence_start.anchor : ev->data.mapping_start.anchor;
  const void *tag = list ? ev->data.sequence_start.tag : ev->data.mapping_start.tag;
  int line = (int)ev->start_mark.line + 1;
  if (r->depth == DECK_MAX_DEPTH) {
    deck_fault_at(r->d, r->origin, line, "", "nested deeper than %d levels (a deck has sections, keys and lists)",
                  DECK_MAX_DEPTH);
    return false;
  }
  deck_node *n = deck_node_new(r->d, list ? DECK_LIST : DECK_MAP, r->origin, line);
  if (!place(r, n)) return false;
  if (anchor) {
    refuse(r, n, "anchors (&name) are not part of a deck");
  } else if (tag) {
    refuse(r, n, "tags (!name) are not part of a deck: the type is known from the key");
  }
  r->stack[r->depth++] = n;
  return true;
}

static bool take(reader *r, const yaml_event_t *ev) {
  switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
      if (!r->documents++) return true;
      deck_fault_at(r->d, r->origin, (int)ev->start_mark.line + 1, "",
                    "a deck is one YAML document, here begins another");
      return false;
    case YAML_ALIAS_EVENT:
    case YAML_SCALAR_EVENT:
      return leaf(r, ev);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
      return branch(r, ev);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
      r->depth--;
      return true;
    default:
      return true;
  }
}

/* Does line `line` (from 1) begin with a tab among its blanks? libyaml's own words for this are a riddle. */
static bool tab_indent(const char *text, size_t n, int line) {
  const char *end = text + n;
  for (; line > 1 && text; line--) {
    text = memchr(text, '\n', end - text);
    if (text) text++;
  }
  for (; text && text < end && (*text == ' ' || *text == '\t'); text++) {
    if (*text == '\t') return true;
  }
  return false;
}

static void syntax_fault(reader *r, const yaml_parser_t *p, const char *text, size_t n) {
  char context[160] = "";
  int line = (int)p->problem_mark.line + 1;
  const char *problem = p->problem ? p->problem : "not enough memory";
  if (p->context) { snprintf(context, sizeof context, " (%s, line %d)", p->context, (int)p->context_mark.line + 1); }
  if (r->origin) {
    deck_fault_at(r->d, r->origin, 0, "", "YAML syntax: %s", problem);
  } else if (p->error == YAML_READER_ERROR) {
    line = 1;
    for (size_t i = 0; i < n && i < p->problem_offset; i++) line += text[i] == '\n';
    deck_fault_at(r->d, 0, line, "", "YAML syntax: %s (0x%02x)", problem, (unsigned)p->problem_value);
  } else {
    deck_fault_at(r->d, 0, line, "", "YAML syntax, column %d: %s%s%s", (int)p->problem_mark.column + 1, problem,
                  context, tab_indent(text, n, line) ? ": indent with spaces, not tabs" : "");
  }
}

/* Small enough, UTF-8 and without control characters? Says where it is not. */
static bool clean(deck *d, const char *text, size_t n, int origin) {
  if (n > DECK_MAX_BYTES) {
    deck_fault_at(d, origin, 0, "", "%zu bytes: a deck holds at most %d", n, DECK_MAX_BYTES);
    return false;
  }
  int line = 1;
  size_t start = 0;
  for (size_t i = 0; i < n;) {
    unsigned p = 0;
    int m = deck_utf8(text + i, n - i, &p), column = (int)(i - start) + 1;
    if (!m) {
      deck_fault_at(d, origin, line, "", "not UTF-8: byte 0x%02x at byte %d of the line", (unsigned char)text[i],
                    column);
      return false;
    }
    if ((p < 32 && p != '\n' && p != '\t' && p != '\r') || p == 127) {
      deck_fault_at(d, origin, line, "", "control character 0x%02x at byte %d of the line: a deck is plain text", p,
                    column);
      return false;
    }
    i += m;
    if (p == '\n') line++, start = i;
  }
  return true;
}

/* libyaml compares each %TAG line with all before it: a deck of nothing else would take hours. */
static bool many_tag_lines(const char *text, size_t n) {
  int found = 0;
  for (size_t i = 0; i + 4 <= n; i++) found += text[i] == '%' && !memcmp(text + i, "%TAG", 4);
  return found > 100;
}

deck_node *deck_tree(deck *d, const char *text, size_t n, int origin) {
  if (!clean(d, text, n, origin)) return NULL;
  if (many_tag_lines(text, n)) {
    deck_fault_at(d, origin, 0, "", "too many %%TAG lines: tags are not part of a deck");
    return NULL;
  }
  yaml_parser_t p;
  if (!yaml_parser_initialize(&p)) {
    d->no_memory = true;
    return NULL;
  }
  yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
  reader r = {.d = d, .origin = origin};
  bool more = true, whole = false;
  while (more) {
    yaml_event_t ev;
    if (!yaml_parser_parse(&p, &ev)) {
      syntax_fault(&r, &p, text, n);
      break;
    }
    whole = ev.type == YAML_STREAM_END_EVENT;
    more = take(&r, &ev) && !whole;
    yaml_event_delete(&ev);
  }
  yaml_parser_delete(&p);
  return whole ? r.root : NULL;
}

deck_node *deck_tree_value(deck *d, const char *text, int origin) {
  size_t n = strlen(text);
  while (n && (*text == ' ' || *text == '\t')) text++, n--;
  while (n && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
  if (n && strchr("[{\"'", *text)) return deck_tree(d, text, n, origin);
  if (!clean(d, text, n, origin)) return NULL;
  deck_node *v = deck_node_new(d, DECK_SCALAR, origin, 0);
  if (!v) return NULL;
  v->text = deck_copy(d, text, n);
  v->bytes = n;
  return v->text ? v : NULL;
}
