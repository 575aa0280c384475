package rollcall;

/** What is offered; its methods have names that make the address of a provider long. */
public interface Greeter {
  String greet(String name);

  default String greetWithAllTheCeremonyThatIsDueToSomebodyOfSuchImportance(String name) {
    return greet(name);
  }

  default String greetInTheMorningWhenEverybodyIsStillHalfAsleepAndNobodyListens(String name) {
    return greet(name);
  }

  default String greetInTheEveningWhenEverybodyHasGoneHomeAndNobodyIsThereToListen(String name) {
    return greet(name);
  }
}
