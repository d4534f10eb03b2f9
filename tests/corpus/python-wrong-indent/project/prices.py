def gross(net):
    rate = 1.19
      return net * rate
