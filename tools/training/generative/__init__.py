"""Tune and run language models that write: encoder-decoders and causal LMs.

What a task gives: `Prompted` rows. What it gets:

    tuning = GenerativeTuning(data, prompted, style)      # a `Tuning` for `Task.tuning`
    answerer = load_generator(card, folder, prompted)     # for `Task.load`
    candidate = untuned(data, folder, prompted, style)    # the rung before any tuning

`prompted(split, row, learn)` gives row `row` of `split` as a `Prompted`. The base model's own
kind decides what is made of it: a causal LM gets its chat template and goes on, an
encoder-decoder reads the prompt and writes the target, an encoder gets a decoder first.

| module | what it answers |
|---|---|
| `kinds` | which kind a base model is |
| `prompted` | what a row says: prompt or chat, target |
| `chat` | a chat as the model's own template writes it |
| `codec` | a row as token ids: what is read, what is learned, what is cut |
| `pairs` | rows as `Examples`: batches for training and scoring |
| `warm_start` | an encoder-decoder out of an encoder |
| `models` | load a base model, wrap it, and find it again where it was saved |
| `network` | loss and likelihood |
| `decoding` | texts out of a model, many at once |
| `tuning` | all of it as a `Tuning` |
| `answers` | a saved model as an `Answerer` |
"""
