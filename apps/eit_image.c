/* eit_image.c: images from impedance tomography: recordings of breathing patients, tanks with known contents.
 *
 *   recording   path, format -> voltages of frames (readers of signals/eit_read.h)
 *   image       one matrix, or total variation, on a body of the given outline -> changes of conductivity, 32 x 32
 *   breaths     tidal variation, inhomogeneity, centre of ventilation, delay, rate, with errors
 *   phantom     a tank against water: image, classes and, where the truth is known, its score */
#include "apps/eit_image.h"

#include <string.h>

static const deck_section schema[] = {
    {.name = "recording", .help = "of an impedance tomograph", .keys = recording_keys},
    {.name = "frames", .help = "which frames, and what changes refer to", .keys = frames_keys},
    {.name = "body", .help = "outline and electrodes, seen as the picture shows them", .keys = imager_body_keys},
    {.name = "image", .help = "how voltages become an image", .kinds = imager_methods, .kind_def = "noser"},
    {.name = "breath", .help = "what counts as breath and lung", .keys = breath_keys},
    {.name = "phantom",
     .help = "the recording is a tank of the Kuopio challenge or of Rensselaer",
     .keys = phantom_keys,
     .optional = true},
    {0},
};

static int check(const deck *d, err *e) {
  recording_conf c;
  breath_conf b;
  const char *names[16];
  int n = 0, known = -1;
  deck_get(d, "recording", recording_keys, &c), deck_get(d, "breath", breath_keys, &b);
  for (; eit_readers[n]; n++) {
    names[n] = eit_readers[n]->name;
    if (c.format && !strcmp(c.format, names[n])) known = n;
  }
  if (c.format && known < 0) {
    const char *near = deck_suggest(c.format, names, n);
    return err_set(e, ERR_DECK, "%s: recording.format = %s: no such reader%s%s%s", deck_where(d, "recording", "format"),
                   c.format, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
  }
  bool tank = deck_has(d, "phantom");
  const deck_kind *kind = deck_kind_of(d, "image");
  if (tank ? kind == &imager_given.kind : kind == &imager_absolute.kind)
    return err_set(e, ERR_DECK, "%s: image.kind = %s: %s", deck_where(d, "image", "kind"), kind->name,
                   tank ? "tanks hold voltages" : "only with a section phantom");
  if (!(b.high > b.low))
    return err_set(e, ERR_DECK, "%s: breath.high = %g: must be above breath.low", deck_where(d, "breath", "high"),
                   b.high);
  return 0;
}

static int eit_image_main(run *r, err *e) {
  return deck_has(run_deck(r), "phantom") ? tank_run(r, e) : breathing_run(r, e);
}

const app app_eit_image = {.name = "eit-image",
                           .help = "images and ventilation from recordings of impedance tomography; tanks",
                           .schema = schema,
                           .check = check,
                           .main = eit_image_main};
