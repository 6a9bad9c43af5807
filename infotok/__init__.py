"""infotok: information-regularised visual tokenization.

Layers, lowest first; a file imports only from layers below its own:

- `infotok.information`  measuring mutual information: exact values, bounds, estimators
- `infotok.worlds`       data whose information is known
- `infotok.bottleneck`   Gaussian, discrete, variational and kernel bottlenecks, and InfoTok
- `infotok.tokenizers`   quantizers and the shared tokenizer
- `infotok.unified`      three unified multimodal language models
- `infotok.evaluation`   understanding, generation, reconstruction, accounting, statistics
- `infotok.lab`          what a person sees: plots, widgets, exercises
- `infotok.reproduce`    running the course with papermill

Nothing heavy is imported here, so `import infotok` is instant.
"""

__version__ = "0.1.0"
