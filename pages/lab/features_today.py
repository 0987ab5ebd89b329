"""What is done with sparse autoencoders today: language models, with sources."""

import streamlit as st

_TEXT = """
The autoencoder above is the tool with which people look into language models. A layer of such a
model is a few thousand numbers, and most single numbers answer to many unrelated things, because
there are more things to know than numbers to hold them
([Elhage et al. 2022](https://transformer-circuits.pub/2022/toy_model/), the experiment *More
features than numbers*). A sparse autoencoder, trained on millions of such layers of numbers, writes
each as a sum of few directions out of very many, and the directions mostly have one meaning each.

- **[Bricken et al. 2023](https://transformer-circuits.pub/2023/monosemantic-features)** took the
  512 units of a one-layer model apart into thousands of features, such as Arabic script or DNA.
- **[Cunningham et al. 2023](https://arxiv.org/abs/2309.08600)** found the same independently in
  small open models, and that features explain what a model does more finely than other
  directions.
- **[Templeton et al. 2024](https://transformer-circuits.pub/2024/scaling-monosemanticity/)** did it
  for a large model in use, with up to 34 million features. Turned up, as you turn one above, the
  feature for the Golden Gate Bridge made the model speak of little else.
- **[Gao et al. 2024](https://arxiv.org/abs/2406.04093)** kept the k strongest features (as
  here), revived the dead ones by a second loss (as here), and trained 16 million features on GPT-4.
- **[Neuronpedia](https://www.neuronpedia.org)** shows the features of many open models as cards:
  strongest examples, density, histogram, a dial.

What is not solved: what the features leave over still matters to the model, a feature found with
one width splits into several with another, and nobody can say that a list of features is complete.
"""


def today() -> None:
    """The paragraph, with links to its sources."""
    st.subheader("Autoencoders today", anchor=False)
    st.markdown(_TEXT)
